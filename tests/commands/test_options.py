"""Arguments and options of the commands: read in one way, and wrong ones are refused before the slow imports."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from img_repr.__main__ import main
from img_repr.commands.bench import run
from img_repr.commands.bench_plan import plan
from img_repr.commands.encode import encode
from img_repr.commands.options import BUNDLED, check_source, check_written, read_device, read_loading
from img_repr.commands.predict import predict
from img_repr.commands.train import train
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS
from img_repr.core.metadata import ENCODERS


@pytest.fixture
def call(monkeypatch, capsys, tmp_path) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["img-repr", *words])
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        return code, *capsys.readouterr()

    return called


@pytest.mark.parametrize("command", [encode, train, predict, run, plan], ids=lambda one: one.__name__)
def test_every_command_that_takes_data_declares_columns_alike(command):
    assert {"label_col", "group_col", "time_col", "id_col", "drop"} <= inspect.signature(command).parameters.keys()


def test_columns_become_options_of_the_format():
    columns = {"label": "diagnosis", "group": "patient", "time": "date", "id": "2019", "drop": ["age"]}
    assert read_loading(["layout=wide"], **columns) == {"layout": "wide", **columns}
    assert read_loading(None, drop=[]) == {}
    with pytest.raises(ParameterError, match="--load label: expected this column once"):
        read_loading(["label=x"], label="y")


@pytest.mark.parametrize("text", ["[" * 5000, "1" * 5000, "{[]: 1}"])
def test_a_value_that_is_no_literal_is_a_word(text):
    assert read_loading([f"a={text}"]) == {"a": text}


def test_bundled_names_are_those_of_the_registry():
    assert sorted(BUNDLED) == [name for name in LOADERS if LOADERS[name].bundled]


def test_a_missing_path_gets_near_names(tmp_path):
    (tmp_path / "waves.csv").write_text("1,2\n")
    for known in ("gunpoint", "GunPoint", "BasicMotions", str(tmp_path), str(tmp_path / "waves.csv")):
        check_source(known)
    check_source("any", "coffee")
    with pytest.raises(DataError, match=r"got 'gunpont', which does not exist; did you mean .*gunpoint\?"):
        check_source("gunpont")
    with pytest.raises(DataError, match=r"did you mean .*waves.csv\?$"):
        check_source(str(tmp_path / "wave.csv"))
    with pytest.raises(DataError, match="expected a path that can be read, got: File name too long"):
        check_source("a" * 5000)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="got a FIFO"):
        check_source(str(tmp_path / "pipe"))


def test_a_folder_of_results_is_checked_for_the_file_that_marks_it(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(
        DataError, match=r"model: expected a folder that `train` wrote, got a folder without model.json"
    ):
        check_written(tmp_path / "model", "train", "model.json")
    with pytest.raises(
        DataError, match=r"modle: expected a folder that `train` wrote, got none; did you mean .*model\?"
    ):
        check_written(tmp_path / "modle", "train", "model.json")
    (tmp_path / "model" / "model.json").write_text("{}")
    check_written(tmp_path / "model", "train", "model.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["encode", "nowhere.csv", "--out", "o"], ["train", "nowhere.csv", "--out", "o"], ["bench", "nowhere.csv"],
        ["bench", "plan", "nowhere.toml"], ["predict", "nowhere", "x.csv"], ["export", "nowhere", "png"],
        ["report", "nowhere"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_missing_path_is_reported_without_importing_torch(words, tmp_path):
    program = f"""
import sys
sys.argv = ["img-repr", *{words!r}]
from img_repr.__main__ import main
try:
    main()
except SystemExit as done:
    sys.exit(9 if "torch" in sys.modules else done.code)
"""
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, timeout=180, env=here)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(b"error: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "gunpoint", "--encodr", "gadf"], "--encoder"),
        (["trian", "gunpoint"], "Did you mean 'train'?"),
        (["encode", "gunpoint"], "--out"),
        (["encode", "gunpoint", "--out", "o", "--size", "many"], "--size"),
        (["train", "gunpoint", "--out", "o", "--seed", "18446744073709551616"], "--seed"),
        (["bench", "plan", "gunpoint", "--seeds", "99999999999999999999"], "--seeds"),
        (["bench", "plan", "gunpoint", "--write", "."], "--write"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_wrong_options_are_one_sentence_that_names_them(call, words, said):
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_traceback_may_stand_anywhere(call):
    assert "Traceback" in call("encode", "nowhere.csv", "--out", "o", "--traceback")[2]
    assert "Traceback" in call("--traceback", "encode", "nowhere.csv", "--out", "o")[2]
    assert "Traceback" not in call("encode", "nowhere.csv", "--out", "o")[2]


def test_version_and_completion_are_printed(call, monkeypatch):
    assert call("--version") == (0, "img-repr 0.1.0\n", "")
    monkeypatch.setenv("_IMG_REPR_COMPLETE", "source_bash")
    code, out, _ = call()
    assert code == 0
    assert "complete -o default" in out


@pytest.mark.parametrize("words", [["encoders"], ["encoders", "audio"], ["formats"]], ids=" ".join)
def test_listings_are_one_line_each_at_80_columns(call, words):
    code, out, _ = call(*words)
    lines = out.splitlines()
    names = list(LOADERS) if words == ["formats"] else [name for name in ENCODERS if len(words) == 1 or
                                                        ENCODERS[name].domain.name == "audio"]  # fmt: skip
    assert code == 0
    assert [line.split()[0] for line in lines[:-1]] == names
    assert max(map(len, lines)) <= 80


def test_one_encoder_and_one_format_are_described(call):
    _, out, _ = call("encoders", "recurrence")
    assert all(f"  {word}=" in out for word in ENCODERS["recurrence"].defaults())
    _, out, _ = call("formats", "csv")
    assert all(f"  {word}: " in out for word in LOADERS["csv"].options)
    assert "``" not in out
    assert call("encoders", "recurence")[2] == "error: no encoder is called 'recurence'; did you mean 'recurrence'?\n"
    assert "did you mean 'audio_csv'" in call("formats", "audio_cvs")[2]


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "tpu", "cpu:1", ""])
def test_a_device_that_is_none_is_refused(name):
    with pytest.raises(ParameterError, match="--device: expected auto, cpu, cuda, cuda:N or mps, got"):
        read_device(name)


def test_a_device_that_is_not_here_is_refused():
    assert read_device("auto") is None
    assert read_device("cpu").type == "cpu"
    with pytest.raises(ParameterError, match="--device: expected a device of this machine, got 'cuda:99'"):
        read_device("cuda:99")


def test_predictions_name_the_file_or_the_row(call, tmp_path, random):
    import soundfile

    for name in ("high", "low"):
        (tmp_path / "beeps" / name).mkdir(parents=True)
        for take in range(3):
            sound = random.normal(scale=0.1, size=800)
            soundfile.write(tmp_path / "beeps" / name / f"{take}.wav", sound, 8000)
    quick = ("--size", "8", "--train", "epochs=1", "--train", "min_steps=1")
    assert call("train", "beeps", "--out", "m", *quick, "--train", "batch_size=2")[0] == 0
    code, out, _ = call("predict", "m", "beeps")
    assert code == 0
    named = [line.split(",")[1] for line in out.splitlines()[1:]]
    assert named == [f"{name}/{take}.wav" for name in ("high", "low") for take in range(3)]
    np.save(tmp_path / "rows.npy", random.normal(size=(3, 20)))
    assert call("train", "gunpoint", "--out", "g", *quick)[0] == 0
    rows = call("predict", "g", "rows.npy")[1].splitlines()
    assert rows[0].startswith("input,sample,class,")
    assert [line.split(",")[1] for line in rows[1:]] == ["0", "1", "2"]


def test_the_data_are_described_before_anything_runs(call, tmp_path):
    Path(tmp_path, "w.csv").write_text("label,a,b,c\nx,1,2,4\ny,3,1,2\n")
    code, _, err = call("encode", "w.csv", "--size", "4", "--out", "o")
    assert code == 0, err
    assert err.startswith("w.csv: timeseries, 2 samples of shape (3,), 2 classes (x: 1, y: 1)\n")
