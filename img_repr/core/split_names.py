"""Names of splits: the words for training, validation and test, in folders and table columns."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

TRAIN = ("train", "training", "trn")
VALIDATION = ("validation", "valid", "val", "dev", "eval", "evaluation")
TEST = ("test", "testing", "tst")
UNLABELED = ("unlabeled", "unlabelled", "unsup")

_SPLITS = (
    dict.fromkeys(TRAIN, "train")
    | dict.fromkeys(VALIDATION, "validation")
    | dict.fromkeys(TEST, "test")
    | dict.fromkeys(UNLABELED, "unlabeled")
)
_DECORATED = re.compile(rf"({'|'.join(sorted(_SPLITS, key=len, reverse=True))})[\s_-]*(set|data|split|part)?")


def split_of(name: str) -> str | None:
    """Return the split of a name: ``"train"``, ``"validation"``, ``"test"``, ``"unlabeled"``, or None.

    Examples
    --------
    >>> from img_repr.core.split_names import split_of
    >>> split_of("Training"), split_of("VAL"), split_of("test_set"), split_of("trains")
    ('train', 'validation', 'test', None)
    """
    match = _DECORATED.fullmatch(unicodedata.normalize("NFC", name).strip().lower())
    return _SPLITS[match[1]] if match else None


def is_split_layout(names: Iterable[str]) -> bool:
    """Whether folders of these names are the splits of a data set and not its classes.

    They are if every name means a split, or if there is training with validation or test, whatever else there is.

    Examples
    --------
    >>> from img_repr.core.split_names import is_split_layout
    >>> is_split_layout(["train", "val"]), is_split_layout(["train", "bus"]), is_split_layout(["train", "test", "x"])
    (True, False, True)
    """
    splits = [split_of(name) for name in names]
    known = {split for split in splits if split is not None}
    return bool(splits) and (None not in splits or {"train"} < known - {"unlabeled"})


def normalize_split_names(names: Sequence[str]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Map a column of split names to ``"train"`` and ``"test"``, or leave it as the names of folds.

    The trainer cuts its own validation part, so a validation split is added to the training part if there is a test
    split; otherwise it is the test part. A column with a single split is dropped.

    Parameters
    ----------
    names : sequence of str
        One per sample.

    Returns
    -------
    splits : list of str or None
        One per sample; None if there is only one.
    notes : tuple of str
        Which splits were joined or dropped.

    Examples
    --------
    >>> from img_repr.core.split_names import normalize_split_names
    >>> normalize_split_names(["Train", "val", "test"])
    (['train', 'train', 'test'], ("the validation split ('val') joins the training part",))
    >>> normalize_split_names(["train", "val"])
    (['train', 'test'], ("no test split: the validation split ('val') is the test part",))
    >>> normalize_split_names(["1", "2"])
    (['1', '2'], ())
    >>> normalize_split_names(["train", "train"])
    (None, ("only the split 'train' is here, so the set has no published split",))
    """
    texts = [unicodedata.normalize("NFC", str(name)).strip() for name in names]
    means = {text: split_of(text) for text in texts}
    notes: list[str] = []
    splits = texts
    if None not in means.values():
        said = ", ".join(repr(text) for text in sorted(means) if means[text] == "validation")
        has_test = "test" in means.values()
        if said and has_test:
            notes.append(f"the validation split ({said}) joins the training part")
        elif said and "train" in means.values():
            notes.append(f"no test split: the validation split ({said}) is the test part")
        instead = "train" if has_test else "test"
        splits = [instead if means[text] == "validation" else str(means[text]) for text in texts]
    if len({*splits}) == 1:
        only = ", ".join(map(repr, sorted({*texts})))
        return None, (*notes, f"only the split {only} is here, so the set has no published split")
    return splits, tuple(notes)
