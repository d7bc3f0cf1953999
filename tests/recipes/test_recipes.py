"""Every recipe reads, names what exists, and the script does what it says."""

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.recipe_file import read_recipe
from img_repr.core.card import find_card
from img_repr.core.dataset import Dataset
from img_repr.core.loader import LOADERS
from img_repr.domains.audio.recording import make_recordings
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.binary.sample import BINARY, make_binaries
from img_repr.domains.mouse.sample import MOUSE, make_traces
from img_repr.domains.tabular.sample import TABULAR, make_rows
from img_repr.domains.timeseries.sample import TIMESERIES, make_series

RECIPES = Path(__file__).parents[2] / "recipes"
SCRIPT = RECIPES / "timeseries.py"
SCRIPTS = sorted(RECIPES.glob("*.py"))
TABLES = sorted(RECIPES.rglob("*.toml"))
TOYS = [
    Dataset("toy", TIMESERIES, make_series(4), np.array(["a", "b"] * 2)),
    Dataset("toy", AUDIO, make_recordings(4), np.array(["a", "b"] * 2)),
    Dataset("toy", MOUSE, make_traces(4), np.array(["a", "b"] * 2)),
    Dataset("toy", BINARY, make_binaries(4), np.array(["a", "b"] * 2)),
    Dataset("toy", TABULAR, make_rows(4), np.array(["a", "b"] * 2)),
]
QUICK = ("--contender", "cnn:gadf(size=8)", "--contender", "table:raw:1nn", "--contender", "majority")


def script_values(script):
    spec = importlib.util.spec_from_file_location(f"recipe_{script.stem}", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_script(*words, folder, script=SCRIPT):
    return subprocess.run(
        [sys.executable, str(script), *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=280
    )


def test_there_are_recipes():
    assert {"demo.toml", "ucr.toml", "esc10.toml", "fsdd.toml"} <= {path.name for path in TABLES}
    assert {"audio.py", "binary.py", "mouse.py", "timeseries.py"} <= {path.name for path in SCRIPTS}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_recipe_reads_and_its_contenders_exist(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    read_by = {contender.domain for contender in recipe.contenders} - {None}
    for toy in [toy for toy in TOYS if not read_by or toy.domain.name in read_by]:
        contenders = recipe.contenders_for(toy)
        assert len(contenders) >= len(recipe.contenders or toy.domain.contenders)  # a group stands for several
        assert {"image", "table"} & {contender.role for contender in contenders}
        for contender in contenders:
            contender.check()
            assert json.loads(json.dumps(contender.spec()))["kind"] == contender.kind
            assert contender.build() is not None


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_recipes_data_sets_are_bundled_or_have_a_card(path):
    bundled = {name for name in LOADERS if LOADERS[name].bundled}
    assert all(name in bundled or find_card(name) is not None for name in read_recipe(path).datasets)


@pytest.mark.parametrize("script", [path for path in SCRIPTS if path.stem != "leaks"], ids=lambda path: path.stem)
def test_the_scripts_values_exist(script):
    values = script_values(script)
    assert len(set(values.CONTENDERS)) == len(values.CONTENDERS)
    contenders = [Contender.parse(text) for text in values.CONTENDERS]
    assert [contender.role for contender in contenders].index("image") == 0
    assert "table" in {contender.role for contender in contenders}
    for contender in contenders:
        contender.check()
        assert contender.domain in (None, script.stem)
        assert contender.build() is not None


@pytest.fixture
def waves(tmp_path):
    """A tiny set in a file: two frequencies, labeled."""
    random = np.random.default_rng(0)
    fast = np.arange(24) % 2
    series = np.sin(2 * np.pi * (2 + 2 * fast[:, None]) * np.linspace(0, 1, 30)) + random.normal(0, 0.2, (24, 30))
    np.savez(tmp_path / "waves.npz", X=series, y=np.where(fast, "fast", "slow"))
    return tmp_path / "waves.npz"


@pytest.mark.slow
def test_the_script_runs_from_a_file_to_a_page(waves, tmp_path):
    done = run_script(waves, "--out", tmp_path / "runs", *QUICK, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    page = tmp_path / "runs" / "report.html"
    assert f"report page: {page.resolve()}" in done.stdout
    text = page.read_text()
    for word in ("CNN on gadf(size=8)", "1nn on raw", "majority", "waves"):
        assert word in text
    results = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    accuracy = {result["contender"]: result["accuracy"] for result in results}
    assert {result["status"] for result in results} == {"ok"}
    assert len(results) == 5  # three seeds of the network, one of each that draws nothing
    assert accuracy["CNN on gadf(size=8)"] > accuracy["majority"]
    assert not list((tmp_path / "runs").glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "error: expected a file, a folder or one of"),
        (["waves.npz", "--contender", "cnn:gdaf"], "error: no encoder is called 'gdaf'"),
        (["waves.npz", "--contender", "table:raw"], "error: contender: expected table:FEATURES:LEARNER"),
        (["waves.npz", "--resamples", "0"], "error: recipe timeseries: expected resamples"),
    ],
)
def test_the_script_tells_what_is_wrong_in_one_line(waves, tmp_path, words, said):
    done = run_script(*words, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def beeps(tmp_path):
    """Four short recordings of each of two pitches, in a folder per class."""
    import soundfile

    random = np.random.default_rng(0)
    for name, pitch_hz in (("low", 300), ("high", 1500)):
        (tmp_path / "beeps" / name).mkdir(parents=True)
        for take in range(6):
            wave = np.sin(2 * np.pi * pitch_hz * np.arange(2000) / 8000) + random.normal(0, 0.1, 2000)
            soundfile.write(tmp_path / "beeps" / name / f"{take}.wav", 0.5 * wave, 8000)
    return tmp_path / "beeps"


@pytest.mark.slow
def test_the_audio_script_runs_from_a_folder_to_a_page(beeps, tmp_path):
    words = (
        "--contender",
        "cnn:melspectrogram(size=16)",
        "--contender",
        "table:acoustic:logistic",
        "--contender",
        "majority",
    )
    done = run_script(beeps, "--out", tmp_path / "runs", *words, folder=tmp_path, script=RECIPES / "audio.py")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "runs" / "report.html").read_text()
    for word in ("CNN on melspectrogram(size=16)", "logistic on acoustic", "majority", "beeps"):
        assert word in text
    results = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    accuracy = {result["contender"]: result["accuracy"] for result in results}
    assert {result["status"] for result in results} == {"ok"}
    assert accuracy["logistic on acoustic"] == 1.0
    assert accuracy["CNN on melspectrogram(size=16)"] > accuracy["majority"]


@pytest.mark.slow
def test_the_leaks_script_scores_both_splits_and_quotes_the_refusal(tmp_path):
    words = ("synthetic_traces", "--contender", "majority", "--contender", "table:clock_and_screen:extra_trees")
    done = run_script(*words, "--out", tmp_path, folder=tmp_path, script=RECIPES / "leaks.py")
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| SyntheticTraces |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "extra_trees on clock_and_screen (leak)"
    assert cells[2].endswith(", published")
    honest, random = (float(cell.split()[0]) for cell in cells[2:4])
    assert float(cells[4].split()[0]) == pytest.approx(100 * (random - honest), abs=0.11)  # each is rounded
    assert "a random split is refused because the groups are known" in done.stdout
    assert (tmp_path / "random" / "report.html").exists()


@pytest.mark.parametrize("path", TABLES, ids=lambda path: str(path.relative_to(RECIPES)))
def test_a_recipe_that_names_epochs_names_the_least_steps_too(path):
    """Or the epochs are exact, and small sets take few steps."""
    training = tomllib.loads(path.read_text()).get("training", {})
    assert ("epochs" in training) <= ("min_steps" in training)
