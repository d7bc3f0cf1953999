import pytest

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.execution.plan import make_plan
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.wildcards import expand_wildcards
from img_repr.core.errors import ParameterError
from img_repr.core.features import FEATURES
from img_repr.core.loader import load_dataset
from img_repr.core.naming import list_encoders

SERIES = list_encoders("timeseries")


def names(*texts, domain="timeseries"):
    return [one.name for one in expand_wildcards(map(Contender.from_table, texts), domain)]


def test_a_star_is_every_encoder_of_the_domain():
    assert names("cnn:*") == [f"CNN on {name}" for name in SERIES]
    assert names("pixels:*:extra_trees", domain="binary") == [
        f"extra_trees on {name} pixels" for name in list_encoders("binary")
    ]
    assert names("frozen:*:ridge", domain="mouse")[0] == "ridge on heatmap, frozen random small"


def test_defaults_are_the_contenders_of_a_benchmark_that_names_none():
    data = load_dataset("synthetic_traces")
    without, named = Recipe("without", (data.name,)), Recipe("named", (data.name,), (Contender.parse("defaults"),))
    assert without.contenders_for(data) == named.contenders_for(data)


def test_pretrained_is_one_network_frozen_and_fine_tuned_on_the_first_default_image():
    pytest.importorskip("timm")
    table = {"kind": "pretrained", "parameters": {"size": 96}, "training": {"epochs": 3}}
    frozen, tuned = expand_wildcards([Contender.from_table(table)], "timeseries")
    assert (frozen.kind, tuned.kind) == (
        "frozen",
        "cnn",
    )
    assert frozen.encoder == tuned.encoder == "recurrence(signed=True)"
    assert frozen.parameters == tuned.parameters == {"size": 96}
    assert tuned.training == {"backbone": "efficientnet_lite0", "weights": "imagenet", "epochs": 3}
    assert frozen.training == {"backbone": "efficientnet_lite0", "weights": "imagenet"}
    assert len(names("chosen:pretrained & cnn:gadf")) == 1


def test_two_stars_are_every_pair_once():
    found = names("cnn:*+*")
    assert len(found) == len(set(found)) == len(SERIES) * (len(SERIES) - 1) // 2
    assert names("cnn:gadf+*") == [f"CNN on gadf+{name}" for name in SERIES if name != "gadf"]
    assert names("cnn:recurrence(signed=True)|*")[0] == f"CNN on recurrence(signed=True)|{SERIES[0]}"
    assert not any("recurrence|" in name for name in names("cnn:recurrence(signed=True)|*"))


def test_a_star_is_every_feature_set():
    sets = [name for name in FEATURES if FEATURES[name].domain.name == "binary"]
    assert names("table:*:ridge", domain="binary") == [f"ridge on {name}" for name in sets]
    assert {"leak", "table"} == {one.role for one in expand_wildcards([Contender.parse("table:*:ridge")], "binary")}


def test_what_is_declared_by_itself_is_not_set_twice():
    found = names("majority", "cnn:*", {"kind": "cnn", "encoder": "gadf", "name": "mine"})
    assert found == ["majority", *(f"CNN on {name}" for name in SERIES if name != "gadf"), "mine"]


def test_a_name_of_ones_own_is_told_apart_and_parameters_go_to_whom_they_mean_something():
    table = {"kind": "cnn", "encoder": "*", "name": "small", "parameters": {"size": 8, "n_bins": 4}}
    found = {one.name: one.parameters for one in expand_wildcards([Contender.from_table(table)], "timeseries")}
    assert found["small: gadf"] == {"size": 8}
    assert found["small: mtf"] == {"size": 8, "n_bins": 4}
    with pytest.raises(ParameterError, match="no parameter is called 'sizze'"):
        expand_wildcards([Contender.from_table(table | {"parameters": {"sizze": 8}})], "timeseries")


def test_encoders_of_another_domain_are_left_to_it():
    assert names("cnn:gadf+*", "majority", domain="audio") == ["majority"]
    assert names("ensemble:cnn:gadf+*&cnn:mtf|*", domain="audio") == []


def test_a_choice_among_all_is_one_contender():
    (chosen,) = expand_wildcards([Contender.parse("chosen:cnn:*&table:*:ridge")], "mouse")
    assert [one.name for one in chosen.members] == [
        "CNN on heatmap",
        "CNN on motion_histogram",
        "CNN on trajectory",
        "ridge on clock_and_screen",
        "ridge on kinematic",
    ]
    assert not chosen.has_wildcard


def test_a_plan_has_no_star_left(waves):
    recipe = Recipe("all", ("waves",), (Contender.parse("cnn:*"), Contender.parse("majority")))
    plan = make_plan(recipe, [waves])
    assert [run.contender.name for run in plan.runs] == [*(f"CNN on {name}" for name in SERIES), "majority"]
    assert len({run.key for run in plan.runs}) == len(SERIES) + 1
