"""Turn data into images, fine-tune one CNN on them, and compare it with strong tabular baselines.

The public API. Names are imported when they are used: ``encode_<name>`` and ``decode_<name>`` are found through the
registry, so that a new encoder is one new file. Type checkers and editors read ``__init__.pyi``.

>>> from img_repr import encode_gadf, get_encoder
>>> encode_gadf([1.0, 2.0, 4.0], size=2).shape
(2, 2)
>>> get_encoder("gadf", size=64).name
'gadf'
"""

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

_LEAVES = {
    "Dataset": "img_repr.core.dataset",
    "EncoderModule": "img_repr.core.module",
    "EncoderTransformer": "img_repr.core.transformer",
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

__all__ = sorted(_LEAVES)


def __getattr__(name: str) -> Any:
    if name in _LEAVES:
        return getattr(importlib.import_module(_LEAVES[name]), name)
    verb, _, key = name.partition("_")
    if verb in ("encode", "decode") and key:
        from img_repr.core.metadata import ENCODERS

        if key in ENCODERS:
            function = getattr(sys.modules[ENCODERS[key].function.__module__], name, None)
            if function is not None:
                return function
    raise AttributeError(f"module 'img_repr' has no attribute {name!r}")


def __dir__() -> list[str]:
    from img_repr.core.metadata import ENCODERS

    return [*__all__, *(f"encode_{key}" for key in ENCODERS)]
