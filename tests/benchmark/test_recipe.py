import contextlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import CnnContender, Contender, EnsembleContender
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.evaluation.verdict import reach_verdicts
from img_repr.benchmark.execution.plan import make_plan
from img_repr.benchmark.recipe import Recipe, default_recipe, resolve_dataset
from img_repr.benchmark.recipe_file import change_table, read_recipe, recipe_of, table_of, write_recipe
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.timeseries.sample import TIMESERIES

TEXT = """
datasets = ["a", "b"]
contenders = [
  "cnn:gadf",
  {kind = "cnn", encoder = "mtf", parameters = {size = 16}, training = {epochs = 2}, name = "mine"},
  "majority",
]
seeds = [3, 4]
split = "resample"
resamples = 2
budget_hours = 1.5
note = "why"

[training]
epochs = 9
freeze_epochs = 3
"""


def test_a_recipe_is_read_as_written(tmp_path):
    path = tmp_path / "trial.toml"
    path.write_text(TEXT)
    recipe = read_recipe(path)
    assert (recipe.name, recipe.datasets, recipe.seeds, recipe.budget_hours) == (
        "trial",
        ("a", "b"),
        (3, 4),
        1.5,
    )
    assert [contender.name for contender in recipe.contenders] == ["CNN on gadf", "mine", "majority"]
    assert recipe.contenders[1].spec()["encoder"][0]["parameters"] == {"size": 16}


def test_sized_training_values_yield_to_a_contenders_own(tmp_path, waves):
    path = tmp_path / "trial.toml"
    path.write_text(TEXT)
    trained = read_recipe(path).contenders_for(waves)
    assert [contender.spec()["training"]["epochs"] for contender in trained[:2]] == [9, 2]
    assert [contender.spec()["training"]["freeze_epochs"] for contender in trained[:2]] == [3, 3]
    assert "training" not in trained[2].spec()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('datasets = ["a"]\nsseeds = [1]', "no key of a recipe is called 'sseeds'; did you mean seeds"),
        ("datasets = []", "at least one data set"),
        ('datasets = ["a"]\nseeds = 3', "expected seeds to be a list, got 3"),
        ('datasets = ["a"]\nsplit = "random"', "published, resample, group, time"),
        ('datasets = ["a"]\nsplit = "published"\nresamples = 5', "got 5 with split = 'published'"),
        ('datasets = ["a"]\ncontenders = ["majority", "majority"]', "majority twice"),
        ('datasets = ["a"]\nbudget_hours = 0', "expected budget_hours between 0 and 1e+06, got 0"),
        ("datasets = [", "expected a recipe in TOML"),
        ("a=" + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("a = " + "9" * 5000, "expected a recipe in TOML"),
        ('datasets = ["a"]\nbudget_hours = nan', "expected budget_hours between 0 and 1e+06, got nan"),
        ('datasets = ["a"]\nbudget_hours = true', "expected budget_hours to be a number, got True"),
        ('datasets = ["a"]\nbudget_hours = inf', "expected budget_hours between"),
        ('datasets = ["a"]\ngap = nan\nsplit = "time"', "expected gap to be units"),
        ('datasets = ["a"]\ngap = 1' + "0" * 400, "expected gap to be units"),
        ('datasets = ["a"]\ntest_size = nan', "expected test_size between 0 and 1, got nan"),
        ('datasets = ["a"]\ntest_size = 1.0', "expected test_size between 0 and 1, got 1.0"),
        ('datasets = ["a"]\nresamples = 1000000000', "expected resamples from 1 to 1000"),
        ('datasets = ["a"]\nresamples = -1', "expected resamples from 1 to 1000"),
        ('datasets = ["a"]\nresamples = true', "expected resamples to be an integer"),
        (
            'datasets = ["a"]\nseeds = [18446744073709551616]',
            "an integer from 0 to 4294967295",
        ),
        ('datasets = ["a"]\nseeds = [-1]', "expected seed to be an integer"),
        ('datasets = ["a"]\nseeds = [0.5]', "expected seed to be an integer"),
        ('datasets = ["a"]\nseeds = [true]', "expected seed to be an integer"),
        ('datasets = ["a"]\nseeds = ["x"]', "expected seed to be an integer"),
        ('datasets = ["a"]\nseeds = [[1]]', "expected seed to be an integer"),
        ("datasets = [1]", "expected datasets to be a list of texts"),
        ('datasets = ["a"]\nforce = 1', "expected force to be true or false"),
        ('datasets = ["a"]\nnote = 1', "expected note to be text"),
        ('datasets = ["a"]\nsplit = 1', "expected split to be text"),
        ('datasets = ["a"]\nname = ".."', "expected a name of at most 80 letters"),
        ('datasets = ["a"]\nname = "."', "expected a name of at most 80 letters"),
        ('datasets = ["a"]\nname = "a/b"', "expected a name of at most 80 letters"),
        ('datasets = ["a"]\nname = ""', "expected a name of at most 80 letters"),
        ('datasets = ["a"]\nname = "' + "n" * 300 + '"', "expected a name of at most 80 letters"),
        ('datasets = ["a"]\ncontenders = [1]', "expected text like 'cnn:gadf', or a table, got 1"),
        ('datasets = ["a"]\ncontenders = [{kind = 1}]', "expected kind to be text, got 1"),
        ('datasets = ["a"]\ncontenders = [{kind = "majority", name = [1]}]', "expected name to be text"),
        ('datasets = ["a"]\ncontenders = [{kind = "cnn", encoder = 1}]', "expected encoder to be text, got 1"),
        (
            'datasets = ["a"]\ncontenders = [{kind = "cnn", encoder = "gadf", parameters = 1}]',
            "parameters to be a table",
        ),
        ('datasets = ["a"]\ncontenders = ["' + "ensemble:" * 3000 + 'majority&majority"]', "nested too deeply"),
        ('datasets = ["a"]\nloading = 1', "expected loading to be a table"),
        ('datasets = ["a"]\ntraining = [1]', "expected training to be a table"),
    ],
)
def test_a_wrong_recipe_is_told_why(tmp_path, text, said):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=re.escape(said)):
        read_recipe(path)


def test_data_sets_are_looked_for_beside_the_recipe_and_in_the_public_folder(tmp_path, monkeypatch):
    (tmp_path / "here" / "mine").mkdir(parents=True)
    (tmp_path / "public" / "ucr" / "Beef").mkdir(parents=True)
    monkeypatch.setenv("IMG_REPR_DATA", str(tmp_path / "public"))
    assert resolve_dataset("mine", tmp_path / "here") == tmp_path / "here" / "mine"
    assert resolve_dataset("Beef", tmp_path / "here") == tmp_path / "public" / "ucr" / "Beef"
    with pytest.raises(DataError, match="data set 'Beff'"):
        resolve_dataset("Beff", tmp_path / "here")


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({"split": np.repeat(["train", "test"], 10)}, ["published"]),
        ({"times": np.arange(20)}, ["time"]),
        ({"groups": np.repeat(["p", "q"], 10)}, ["group", "group"]),
        ({}, ["resample"]),
    ],
)
def test_the_usual_split_is_the_honest_one(columns, kinds):
    data = Dataset("toy", TIMESERIES, np.zeros((20, 5)), np.tile(["a", "b"], 10), **columns)
    recipe = Recipe("toy", ("toy",), (Contender.parse("majority"),))
    assert [split.kind for split in recipe.splits_of(data)] == kinds


def test_several_resamples_are_no_published_split():
    parts, groups = np.repeat(["train", "test"], 10), np.repeat(["p", "q", "r", "s"], 5)
    data = Dataset("toy", TIMESERIES, np.zeros((20, 5)), np.tile(["a", "b"], 10), split=parts)
    recipe = Recipe("toy", ("toy",), (Contender.parse("majority"),), resamples=2)
    assert [split.kind for split in recipe.splits_of(replace(data, groups=groups))] == ["group", "group"]
    assert [split.kind for split in recipe.splits_of(replace(data, times=np.arange(20)))] == ["time", "time"]


def test_resamples_begin_with_the_published_split(waves):
    recipe = Recipe("toy", ("waves",), (Contender.parse("majority"),), resamples=3)
    assert [split.kind for split in recipe.splits_of(waves)] == ["published", "resample", "resample"]


def test_only_contenders_of_the_domain_are_set_on_a_data_set(waves):
    recipe = Recipe("toy", ("waves",), (Contender.parse("cnn:gadf"), Contender.parse("majority")))
    assert len(recipe.contenders_for(waves)) == 2
    assert default_recipe(waves, seeds=(1,)).contenders_for(waves) == tuple(
        Contender.parse(text) for text in TIMESERIES.contenders
    )


def test_what_a_feature_set_says_of_itself_decides_role_and_seeds():
    leak, real = (Contender.parse(f"table:{name}:extra_trees") for name in ("clock_and_screen", "kinematic"))
    assert (leak.role, real.role) == ("leak", "table")
    assert Contender.parse("table:file_size:extra_trees").role == "leak"
    assert real.needs_seed
    assert not Contender.parse("table:kinematic:ridge").needs_seed
    assert Contender.parse("table:minirocket:ridge").needs_seed  # its kernels are drawn


RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_written_as_it_was_read(path, tmp_path):
    recipe = read_recipe(path)
    assert recipe_of(table_of(recipe)) == recipe
    written = write_recipe(recipe, tmp_path / "other.toml")
    assert read_recipe(written) == recipe
    first = written.read_text()
    assert write_recipe(read_recipe(written), written).read_text() == first


def test_a_recipe_made_in_python_is_written_and_read(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.csv").write_text("")
    members = ("cnn:gadf", {"kind": "table", "features": "raw", "learner": "ridge", "name": "line"})
    contenders = (
        Contender.parse("majority"),
        CnnContender("mtf", {"size": [16, 24]}, {"epochs": 2}, name="mine"),
        EnsembleContender(members),
    )
    recipe = Recipe("made", ("mine.csv", "gunpoint"), contenders, "time", gap=1.5, seeds=(3,), budget_hours=1 / 3,
                    loading={"value": "é\n"}, path=tmp_path / "here" / "made.toml")  # fmt: skip
    assert read_recipe(write_recipe(recipe, recipe.path)) == recipe
    assert read_recipe(write_recipe(recipe, tmp_path / "made.toml")).datasets == ("here/mine.csv", "gunpoint")
    with pytest.raises(ParameterError, match=r"training\.weights: expected a value that TOML has a word for, got None"):
        write_recipe(Recipe("made", ("a",), training={"weights": None}), tmp_path / "none.toml")
    assert not (tmp_path / "none.toml").exists()


def test_settings_change_any_value(tmp_path):
    (tmp_path / "trial.toml").write_text(TEXT)
    table = table_of(read_recipe(tmp_path / "trial.toml"))
    changed = recipe_of(change_table(table, [
        "training.epochs=5", "seeds=[0,1]", "seeds.1=7", "force=True", "split=resample", "loading.skip_unreadable=true",
        "contenders.0.parameters.size=32", "contenders.2=table:raw:1nn", "note=2024-01-01", "datasets.0=c",
    ]))  # fmt: skip
    assert (changed.training["epochs"], changed.training["freeze_epochs"]) == (5, 3)
    assert (changed.seeds, changed.force, changed.loading) == ((0, 7), True, {"skip_unreadable": True})
    assert changed.contenders[0] == CnnContender("gadf", {"size": 32})
    assert [contender.name for contender in changed.contenders] == ["CNN on gadf", "mine", "1nn on raw"]
    assert (changed.note, changed.datasets) == ("2024-01-01", ("c", "b"))
    assert table == table_of(read_recipe(tmp_path / "trial.toml"))  # the table itself is left as it was


@pytest.mark.parametrize("place", [".", "folder", "n" * 300 + ".toml", "file/below.toml"])
def test_a_recipe_is_not_written_where_no_file_can_be(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"expected a (file|path)"):
        write_recipe(Recipe("small", ("gunpoint",)), place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    "text", ["a=" + "[" * 5000, "a=" + "(" * 5000, "a=" + "-" * 50_000 + "1", ".".join("a" * 5000) + "=1"]
)
def test_a_setting_nested_deeply_is_a_word_or_refused(text):
    with contextlib.suppress(ParameterError):
        change_table({}, [text])


def test_a_name_that_is_no_utf8_is_not_written_into_a_recipe(tmp_path):
    with pytest.raises(ParameterError, match="expected names that TOML can hold, got one that is not UTF-8"):
        write_recipe(Recipe("small", ("bad\udcff.csv",)), tmp_path / "a.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_contender_that_reads_none_of_the_data_is_refused_and_not_dropped(waves, table):
    sounds = Contender.parse("table:acoustic:ridge")
    recipe = Recipe("small", ("waves",), (table, sounds))
    with pytest.raises(ParameterError, match="ridge on acoustic: expected samples of the domain audio, got timeseries"):
        make_plan(recipe, [waves])
    with pytest.raises(ParameterError, match=r"expected samples that it can read, got timeseries"):
        make_plan(
            replace(
                recipe, contenders=(table, Contender.parse("table:*:ridge"), Contender.parse("cnn:melspectrogram+*"))
            ),
            [waves],
        )


def test_more_runs_than_anyone_means_are_refused(waves, table, monkeypatch):
    monkeypatch.setattr("img_repr.benchmark.execution.plan._MOST_RUNS", 10)
    with pytest.raises(ParameterError, match="recipe small: expected at most 10 runs, got more"):
        make_plan(Recipe("small", ("waves",), (table,), split="resample", resamples=11), [waves])


def test_with_a_budget_the_cheapest_table_and_image_of_every_set_come_first(waves):
    texts = ("cnn:recurrence|gadf", "cnn:gadf", "majority", "table:raw:1nn_dtw", "table:raw:1nn")
    recipe = Recipe("small", ("waves", "others"), tuple(map(Contender.parse, texts)), budget_hours=1.0)
    others = replace(waves, name="others", samples=waves.samples + 1.0)
    order = [(run.dataset.name, run.contender.name) for run in make_plan(recipe, [waves, others]).runs]
    first = [("waves", "1nn on raw"), ("waves", "CNN on gadf"), ("others", "1nn on raw"), ("others", "CNN on gadf")]
    assert order[:4] == first
    plain = make_plan(replace(recipe, budget_hours=None), [waves, others]).runs
    assert [run.contender.name for run in plain[:2]] == ["CNN on recurrence|gadf", "CNN on gadf"]


def test_a_budget_that_one_pair_spends_gives_a_verdict(waves, runs_folder, image, table, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("img_repr.benchmark.execution.budget.time.monotonic", lambda: now[0])
    other = replace(image, encoder="gasf", name="other")
    recipe = Recipe("small", ("waves",), (image, other, table), budget_hours=0.5)
    results = run_benchmark(recipe, runs_folder, datasets=[waves], watch=lambda *_: now.__setitem__(0, now[0] + 1000.0))
    assert [result["contender"] for result in results] == ["1nn on raw", "CNN on gadf"]
    (verdict,) = reach_verdicts(read_results(runs_folder).rows)
    assert verdict.outcome != "none"
