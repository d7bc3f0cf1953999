"""Names of splits in folders and columns."""

import pytest

from img_repr.core.split_names import is_split_layout, normalize_split_names, split_of


@pytest.mark.parametrize("name", ["train", "TRAIN", "Training", "trn", "train_set", "trainset", " Train data "])
def test_words_for_training(name):
    assert split_of(name) == "train"


@pytest.mark.parametrize("name", ["trainer", "testament", "bus", "", "1", "fold1", "valley"])
def test_other_words_mean_no_split(name):
    assert split_of(name) is None


def test_train_with_test_is_a_layout_whatever_else_is_there_and_train_among_classes_is_none():
    assert is_split_layout(["train", "test", "metadata"])
    assert not is_split_layout(["train", "bus", "car"])
    assert not is_split_layout([])


def test_folds_keep_their_names_even_if_one_is_called_test():
    assert normalize_split_names(["a", "b"]) == (["a", "b"], ())
    assert normalize_split_names(["test", "b"]) == (["test", "b"], ())


def test_validation_joins_training_or_replaces_a_missing_test_split():
    assert normalize_split_names(["train", "dev", "test"])[0] == ["train", "train", "test"]
    assert normalize_split_names(["Train", "Eval"])[0] == ["train", "test"]
    assert normalize_split_names(["val"])[0] is None
