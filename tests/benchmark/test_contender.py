import json
import pickle

import pytest

from img_repr.benchmark.contender import CnnContender, Contender, label_members
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.recipe_file import read_recipe
from img_repr.benchmark.result import run_key
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import ParameterError, UnknownNameError

PRETRAINED = {"weights": "imagenet", "backbone": "resnet18"}
TUNED = {"kind": "cnn", "encoder": "gadf", "training": PRETRAINED}
FROZEN = {"kind": "frozen", "encoder": "gadf", "learner": "logistic"}


@pytest.mark.parametrize(
    ("given", "name", "role", "needs_seed"),
    [
        ("cnn:gadf", "CNN on gadf", "image", True),
        (TUNED, "CNN on gadf, fine-tuned resnet18 from imagenet", "image", True),
        ("frozen:gadf:ridge", "ridge on gadf, frozen random small", "control", True),
        (
            FROZEN | {"training": PRETRAINED},
            "logistic on gadf, frozen resnet18 from imagenet",
            "image",
            False,
        ),
        (
            FROZEN | {"training": {"weights": "/some/where/mine.safetensors"}},
            "logistic on gadf, frozen small from mine.safetensors",
            "image",
            False,
        ),
        ("ensemble:cnn:gadf&cnn:mtf", "mean of CNN on gadf; CNN on mtf", "image", True),
        ("ensemble:table:raw:1nn & table:raw:ridge", "mean of 1nn on raw; ridge on raw", "table", False),
        ("ensemble:cnn:gadf&table:raw:ridge", "mean of CNN on gadf; ridge on raw", "fused", True),
        ("chosen:table:raw:1nn&table:raw:ridge", "best of 2 inside training: 1nn on raw; ridge on raw", "table", True),
        (
            "chosen:table:length_and_missing:1nn&table:length_and_missing:ridge",
            "best of 2 inside training: 1nn on length_and_missing; ridge on length_and_missing",
            "leak",
            True,
        ),
    ],
)
def test_name_role_and_needs_seed(given, name, role, needs_seed):
    contender = Contender.from_table(given)
    assert (contender.name, contender.role, contender.needs_seed) == (name, role, needs_seed)
    assert contender.domain == "timeseries"
    contender.check()
    spec = contender.spec()
    assert json.loads(json.dumps(spec)) == spec
    again = pickle.loads(pickle.dumps(contender))
    assert again == contender
    assert run_key(again.spec()) == run_key(spec)


def test_specs_decide_the_keys_of_runs():
    """A changed spec makes the records on disk useless."""
    key = run_key(Contender.parse("cnn:gadf(size=8)").spec())
    assert Contender.parse("table:minirocket:ridge").spec() == {
        "kind": "table",
        "features": "minirocket",
        "learner": "ridge",
        "parameters": {},
        "features_version": 1,
    }
    assert Contender.parse("majority").spec() == {"kind": "majority"}
    assert set(Contender.parse("cnn:gadf").spec()) == {"kind", "encoder", "training"}
    assert run_key(Contender.from_table({"kind": "cnn", "encoder": "gadf", "parameters": {"size": 8}}).spec()) == key


def test_spec_of_a_composite_has_its_members_and_no_names():
    ensemble = Contender.from_table({"kind": "ensemble", "of": ["cnn:gadf", "majority"], "name": "both"})
    assert ensemble.spec() == {
        "kind": "ensemble",
        "of": [Contender.parse("cnn:gadf").spec(), {"kind": "majority"}],
    }
    chosen = Contender.from_table(
        {"kind": "chosen", "among": ["majority", {"kind": "cnn", "encoder": "gadf", "name": "x"}]}
    )
    assert chosen.spec() == {
        "kind": "chosen",
        "among": [{"kind": "majority"}, Contender.parse("cnn:gadf").spec()],
        "folds": 3,
        "by": "accuracy",
    }


def test_frozen_takes_only_the_hyperparameters_that_affect_it():
    frozen = Contender.from_table(FROZEN | {"training": {"backbone": "resnet18"}})
    assert frozen.spec()["training"] == {
        "backbone": "resnet18",
        "weights": None,
        "center_below": 0.05,
        "n_members": 1,
    }
    shared = Contender.from_table(FROZEN).trained_with({"epochs": 3, "weights": "imagenet", "backbone": "vgg16"})
    assert shared.spec()["training"]["weights"] == "imagenet"
    assert shared.name == "logistic on gadf, frozen vgg16 from imagenet"
    assert shared.role == "image"
    assert run_key(Contender.from_table(FROZEN).trained_with({"epochs": 3}).spec()) == run_key(
        Contender.from_table(FROZEN).spec()
    )


def test_recipe_with_random_and_pretrained_weights(tmp_path, waves):
    (tmp_path / "two.toml").write_text("""
datasets = ["waves"]
contenders = [
    "cnn:gadf",
    {kind = "cnn", encoder = "gadf", training = {weights = "imagenet", backbone = "resnet18"}},
    {kind = "frozen", encoder = "gadf", learner = "ridge"},
    {kind = "frozen", encoder = "gadf", learner = "ridge", training = {weights = "imagenet", backbone = "resnet18"}},
]""")
    names = [one.name for one in read_recipe(tmp_path / "two.toml").contenders_for(waves)]
    assert names == [
        "CNN on gadf",
        "CNN on gadf, fine-tuned resnet18 from imagenet",
        "ridge on gadf, frozen random small",
        "ridge on gadf, frozen resnet18 from imagenet",
    ]


def test_random_weights_override_pretrained_ones_of_the_recipe(tmp_path, waves):
    (tmp_path / "two.toml").write_text("""
datasets = ["waves"]
contenders = ["cnn:gadf", {kind = "cnn", encoder = "mtf", training = {weights = "random"}},
              {kind = "cnn", encoder = "line", name = "mine"}]
[training]
weights = "imagenet"
backbone = "resnet18"
""")
    first, second, mine = read_recipe(tmp_path / "two.toml").contenders_for(waves)
    assert [first.name, second.name, mine.name] == [
        "CNN on gadf, fine-tuned resnet18 from imagenet",
        "CNN on mtf",
        "mine",
    ]
    assert [one.spec()["training"]["weights"] for one in (first, second, mine)] == ["imagenet", None, "imagenet"]


def test_members_get_shared_training_and_inferred_parameters():
    chosen = (
        Contender.parse("chosen:cnn:gadf&table:raw:1nn")
        .trained_with({"epochs": 2})
        .with_inferred_parameters({"missing": "x"})
    )
    assert chosen.members[0] == CnnContender("gadf", {"missing": "x"}, {"epochs": 2})
    assert chosen.members[1] == Contender.parse("table:raw:1nn")


def test_a_grid_is_every_combination():
    chosen = Contender.from_table({
        "kind": "chosen",
        "among": ["cnn:gadf", {"kind": "cnn", "encoder": "mtf", "parameters": {"n_bins": 4}}],
        "grid": {"parameters": {"size": [16, 32]}, "training": {"epochs": [1, 2]}},
    })  # fmt: skip
    assert [(one.encoder, *one.parameters.values()) for one in chosen.members] == [
        ("gadf", 16),
        ("gadf", 16),
        ("gadf", 32),
        ("gadf", 32),
        ("mtf", 4, 16),
        ("mtf", 4, 16),
        ("mtf", 4, 32),
        ("mtf", 4, 32),
    ]
    assert [one.training["epochs"] for one in chosen.members] == [1, 2] * 4
    assert list(label_members(chosen.members))[1] == "CNN on gadf, size 16, epochs 2"
    learners = Contender.from_table(
        {"kind": "chosen", "among": ["table:raw:1nn"], "grid": {"learner": ["1nn", "ridge"]}}
    )
    assert [one.name for one in learners.members] == ["1nn on raw", "ridge on raw"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("cn:gadf", "got 'cn'; did you mean 'cnn'"),
        ("frozne:gadf:ridge", "did you mean 'frozen'"),
        ("ensembel:cnn:gadf", "did you mean 'ensemble'"),
        ("frozen:gadf", "expected frozen:ENCODER:LEARNER, got 'frozen:gadf'"),
        ("chosen", "expected chosen:ONE&ANOTHER, got 'chosen'"),
        ("ensemble:cnn:gadf", "contender ensemble: expected at least two contenders, got 1"),
        ("ensemble:cnn:gadf&cnn:gadf", "expected each member once, got CNN on gadf twice"),
        ({"kind": "ensemble", "of": "cnn:gadf"}, "expected of to be a list of contenders, got 'cnn:gadf'"),
        ({"kind": "ensemble"}, "contender ensemble: expected of="),
        ({"kind": "chosen", "among": ["majority", 3]}, "expected text like 'cnn:gadf', or a table, got 3"),
        ({"kind": "chosen", "among": ["majority", "cnn:gadf"], "folds": 2.5}, "expected folds to be an integer"),
        ({"kind": "chosen", "among": ["majority", "cnn:gadf"], "folds": True}, "expected folds to be an integer"),
        (
            {"kind": "chosen", "among": ["cnn:gadf"], "grid": {"parameters": {"size": 8}}},
            "grid.parameters.size to be a",
        ),
        ({"kind": "chosen", "among": ["cnn:gadf"], "grid": {"encoder": "mtf"}}, "expected grid.encoder to be a list"),
        ({"kind": "chosen", "among": ["cnn:gadf"], "grid": {"learner": ["a", "b"]}}, "contender cnn: expected only"),
        (FROZEN | {"training": {"epochs": 3}}, "hold only backbone, weights, center_below, n_members, got epochs"),
    ],
)
def test_rejects_invalid_contenders(given, said):
    with pytest.raises(ParameterError, match=said):
        Contender.from_table(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("frozen:gadf:extra_trees", "expected a linear head, logistic or ridge, got 'extra_trees'"),
        ("frozen:gadf:ridg", "no learner is called 'ridg'; did you mean 'ridge'"),
        ("frozen:gafd:ridge", "did you mean .*'gadf'"),
        (FROZEN | {"training": {"backbone": "resnet81"}}, "got 'resnet81'; similar: .*'resnet18'"),
        ({"kind": "cnn", "encoder": "gadf", "training": {"backbone": "smal"}}, "similar: .*'small'"),
        ("cnn:*+gafd", "did you mean .*'gadf'"),
        ("pixels:*:extra_tree", "did you mean 'extra_trees'"),
        ("ensemble:cnn:gadf&cnn:melspectrogram", "members that read one kind of sample, got audio, timeseries"),
        ("chosen:cnn:gadf&table:raw:1nm", "no learner is called '1nm'; did you mean '1nn'"),
        ({"kind": "chosen", "among": ["majority", "cnn:gadf"], "folds": 1}, "folds to be an integer of at least 2"),
        ({"kind": "chosen", "among": ["majority", "cnn:gadf"], "by": "auc"}, "one of accuracy, log_loss, got 'auc'"),
    ],
)
def test_check_rejects_unknown_names(given, said):
    with pytest.raises((ParameterError, UnknownNameError), match=said):
        Contender.from_table(given).check()


@pytest.mark.parametrize("domain", [*DOMAINS])
def test_every_domain_proposes_an_image_a_table_and_its_controls(domain):
    proposed = [Contender.parse(text) for text in DOMAINS[domain].contenders]
    for contender in proposed:
        contender.check()
        assert contender.domain in (None, domain)
    assert proposed[0].role == "image"
    roles = {contender.role for contender in proposed}
    assert {"image", "table", "control"} <= roles
    assert ("leak" in roles) == (domain != "tabular")  # a row of a table has no way of being taken
    assert any(one.kind == "pixels" and one.learner == "extra_trees" for one in proposed)
    assert any(one.kind == "majority" for one in proposed)
    assert not {"frozen", "ensemble", "chosen"} & {one.kind for one in proposed}  # dear


def test_a_recipe_with_new_kinds_keeps_the_first_image_and_table_first(waves):
    texts = ["ensemble:cnn:gadf&table:raw:1nn", "frozen:gadf:ridge", "cnn:gadf", "table:raw:1nn"]
    recipe = Recipe("new", ("waves",), tuple(map(Contender.parse, texts)))
    roles = [one.role for one in recipe.contenders_for(waves)]
    assert roles == ["fused", "control", "image", "table"]
