"""Turn data that are not pictures into pictures, fine-tune one CNN on them, and learn whether it was worth it.

The face of the house. It imports nothing until a name is asked for: ``encode_<name>`` and ``decode_<name>`` are
found through the registry, so that a new encoder is one new file and no line here.

>>> from img_repr import encode_gadf, get_encoder
>>> encode_gadf([1.0, 2.0, 4.0], size=2).shape
(2, 2)
>>> get_encoder("gadf", size=64).name
'gadf'
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img_repr.baselines.tabular import TabularBaseline
    from img_repr.benchmark.compare import compare
    from img_repr.benchmark.recipe import Recipe
    from img_repr.core.dataset import Dataset
    from img_repr.core.errors import ImgReprError
    from img_repr.core.features import get_features
    from img_repr.core.gallery import show
    from img_repr.core.loader import load_dataset
    from img_repr.core.naming import get_encoder, get_encoders, list_encoders, stack_encoders
    from img_repr.training.classifier import ImageClassifier
    from img_repr.training.regressor import ImageRegressor
    from img_repr.training.trainer import Trainer

__version__ = "0.1.0"

_LEAVES = {
    "Dataset": "img_repr.core.dataset",
    "ImageClassifier": "img_repr.training.classifier",
    "ImageRegressor": "img_repr.training.regressor",
    "ImgReprError": "img_repr.core.errors",
    "Recipe": "img_repr.benchmark.recipe",
    "TabularBaseline": "img_repr.baselines.tabular",
    "Trainer": "img_repr.training.trainer",
    "compare": "img_repr.benchmark.compare",
    "get_encoder": "img_repr.core.naming",
    "get_encoders": "img_repr.core.naming",
    "get_features": "img_repr.core.features",
    "list_encoders": "img_repr.core.naming",
    "load_dataset": "img_repr.core.loader",
    "show": "img_repr.core.gallery",
    "stack_encoders": "img_repr.core.naming",
}

__all__ = [
    "Dataset",
    "ImageClassifier",
    "ImageRegressor",
    "ImgReprError",
    "Recipe",
    "TabularBaseline",
    "Trainer",
    "compare",
    "get_encoder",
    "get_encoders",
    "get_features",
    "list_encoders",
    "load_dataset",
    "show",
    "stack_encoders",
]


def __getattr__(name: str) -> Any:
    if name in _LEAVES:
        return getattr(importlib.import_module(_LEAVES[name]), name)
    verb, _, key = name.partition("_")
    if verb in ("encode", "decode") and key:
        from img_repr.core.facts import ENCODERS

        if key in ENCODERS:
            function = getattr(sys.modules[ENCODERS[key].function.__module__], name, None)
            if function is not None:
                return function
    raise AttributeError(f"module 'img_repr' has no attribute {name!r}")


def __dir__() -> list[str]:
    from img_repr.core.facts import ENCODERS

    return [*__all__, *(f"encode_{key}" for key in ENCODERS)]
