"""The command line in one process: what it writes, and that bad input is one sentence and exit code 2.

The reason for its length: one user at one command line, from the folder to the prediction.
"""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from img_repr.__main__ import main

QUICK = ["--size", "8", "--train", "epochs=1", "--train", "min_steps=1"]


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["img-repr", *words])
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def waves(tmp_path: Path, random: np.random.Generator) -> Path:
    """Twelve labeled series as a CSV with a header."""
    path = tmp_path / "waves.csv"
    rows = [",".join([*(f"t{i}" for i in range(20)), "label"])]
    for number in range(12):
        series = np.sin(np.linspace(0, 3 + 6 * (number % 2), 20)) + random.normal(scale=0.1, size=20)
        rows.append(",".join([*map(str, series), ("slow", "fast")[number % 2]]))
    path.write_text("\n".join(rows))
    return path


def test_show_draws_samples_next_to_their_images(call, waves, tmp_path):
    said = call("show", str(waves), "-e", "gadf", "--size", "8", "--count", "3", "--out", "samples.svg")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "3 of 12 samples in samples.svg"
    drawing = (tmp_path / "samples.svg").read_text()
    assert drawing.count("<image") == 3
    assert "time step" in drawing or drawing.count('id="axes_') == 6  # text may be drawn as paths
    assert "error: show: expected an encoder for timeseries" in call("show", str(waves), "-e", "mfcc").err
    said = call("show", str(waves), "--out", "samples.sound")
    assert said.code == 2
    assert "expected a path for a figure" in said.err


def test_encode_writes_shards_and_what_other_programs_read(call, waves, tmp_path):
    said = call("encode", str(waves), "-e", "gadf+mtf", "--size", "16", "--out", "images", "--export", "png")
    assert said.code == 0
    assert said.out.splitlines() == [
        "png in images/png", "12 images of waves by gadf+mtf, 2 x 16 x 16, in images",
    ]  # fmt: skip
    manifest = json.loads((tmp_path / "images" / "manifest.json").read_text())
    assert manifest["shape"] == [2, 16, 16]
    assert len(list((tmp_path / "images" / "png").rglob("*.png"))) == 12
    waves.unlink()  # images are enough
    said = call("export", "images", "webdataset", "png")
    assert (said.code, said.out.splitlines()) == (0, ["webdataset in images/webdataset", "png in images/png"])
    assert [path.name for path in (tmp_path / "images" / "webdataset").iterdir()] == ["images-000000.tar"]


def test_encode_in_parts_by_processes_and_again(call, tmp_path):
    words = ("encode", "gunpoint", "--size", "8", "--out", "p")
    said = call(*words, "--shard", "2/2", "--workers", "1")
    assert (said.code, said.out) == (0, "2 of 4 shards are in p; the other parts complete it\n")
    assert call("export", "p", "png").code == 2
    said = call(*words)
    assert (said.code, said.out) == (0, "200 images of GunPoint by gadf, 1 x 8 x 8, in p\n")
    assert "p: 2 of 4 shards are there already" in said.err
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").iterdir()}
    assert call(*words).out == said.out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").iterdir()} == before
    said = call(*words, "-e", "gasf")
    assert said.code == 2
    assert said.err.endswith(
        "\nerror: p: expected a new folder or one of the same job, got 200 images of GunPoint with another encoder\n"
    )


def test_a_failing_sample_ends_encode_and_what_is_finished_stays(call, tmp_path, random):
    series = random.normal(size=(200, 30))
    series[150] = 3.0
    np.save(tmp_path / "many.npy", series)
    words = ("encode", "many.npy", "--size", "8", "--out", "p")
    said = call(*words)
    assert said.code == 2
    assert "\nerror: gadf: 1 of 64 series" in said.err
    assert said.err.endswith("(counted from sample 128); --keep-degenerate encodes them anyway\n")
    said = call(*words, "--keep-degenerate")
    assert said.code == 0
    assert "p: 2 of 4 shards are there already" in said.err


def test_what_the_samples_set_is_said_and_can_be_refused(call, tmp_path):
    (tmp_path / "hole.csv").write_text("1,2,nan,4\n1,2,3,5\n")
    said = call("encode", "hole.csv", "--size", "8", "--out", "images")
    assert said.code == 0
    assert "note: hole.csv: these samples set missing='interpolate'" in said.err
    said = call("encode", "hole.csv", "--size", "8", "--out", "others", "--set", "missing=raise")
    assert said.code == 2
    assert "\nerror: gadf: expected finite values, got NaN in series number 0" in said.err
    assert not (tmp_path / "others").exists()


BAD = {
    "empty.csv": "",
    "one.csv": "1\n",
    "infinite.csv": "1,2,inf,4\n",
    "prose.csv": "hello world\nthis is prose\n",
    "constant.csv": "3,3,3,3\n",
    "two.csv": "0,1,0,1,1,0,0,1\n",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_samples_are_one_sentence(call, tmp_path, name):
    (tmp_path / name).write_text(BAD[name])
    before = sorted(tmp_path.iterdir())
    said = call("encode", name, "--size", "8", "--out", "images")
    assert said.code == 2
    *read_as, error = said.err.strip().splitlines()
    assert error.startswith("error: ")
    assert [line.partition(",")[0] for line in read_as] in ([], [f"{name}: timeseries"])
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        ["encode", "missing.csv", "--out", "p"],
        ["encode", "waves.csv", "--out", "p", "--encoder", "gdaf"],
        ["encode", "waves.csv", "--out", "p", "--size", "0"],
        ["encode", "waves.csv", "--out", "p", "--set", "n_bins"],
        ["encode", "waves.csv", "--out", "p", "--set", "bins=3"],
        ["encode", "waves.csv", "--out", "."],
        ["encode", "waves.csv", "--out", "p", "--format", "tsv"],
        ["encode", "waves.csv", "--out", "p", "--export", "zarr"],
        ["encode", "waves.csv", "--out", "p", "--shard", "3/2"],
        ["encode", "waves.csv", "--out", "p", "--workers", "1", "--dask", "local:1"],
        ["export", "nothing", "png"],
        ["export", "waves.csv", "png"],
        ["train", "waves.csv", "--out", "p", "--train", "epoch=3"],
        ["train", "waves.csv", "--out", "p", "--train", "epochs=many"],
        ["train", "waves.csv", "--out", "p", "--log", "paper"],
        ["train", "waves.csv", "--out", "p", "--checkpoints", "p"],
        ["train", "waves.csv", "--out", "p", "--checkpoints", "p/within"],
        ["train", "waves.csv", "--out", "p", "--checkpoints", "waves.csv"],
        ["predict", "nothing", "waves.csv"],
        ["bench", "waves.csv", "-c", "table:summery:ridge"],
        ["bench", "waves.csv", "--seeds", "0"],
        ["bench", "missing.toml"],
        ["report", "nothing"],
        ["encoders", "sound"],
        ["paint"],
    ],
)
def test_wrong_use_is_exit_code_2_and_writes_nothing(call, waves, tmp_path, words):
    said = call(*words)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert sorted(tmp_path.iterdir()) == [waves]


def test_train_and_predict(call, waves, tmp_path):
    log = ("--log", f"tensorboard:{tmp_path / 'log'}")
    said = call("train", str(waves), "--encoder", "gadf|line", "--out", "model", *log, *QUICK)
    assert said.code == 0, said.err
    assert "accuracy on the validation part" in said.out
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["seed-0", "seed-1"]  # a network each
    assert call("predict", "model", str(waves), str(waves), "--out", "found.csv").code == 0
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert len(rows) == 24
    for row in rows:
        assert row["class"] in ("fast", "slow")
        assert float(row["p(fast)"]) + float(row["p(slow)"]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_a_training_that_is_stopped_goes_on_by_the_same_command_to_the_same_model(tmp_path):
    def command(out: str) -> list[str]:
        words = ["train", "gunpoint", "--encoder", "gadf|line", "--size", "8", "--train", "epochs=20"]
        words += ["--train", "min_steps=1", "--out"]
        return [sys.executable, "-m", "img_repr", *words, out]

    def files(out: str) -> dict[str, str | bytes]:
        found: dict[str, str | bytes] = {}
        for path in (tmp_path / out).rglob("*.*"):
            told = path.suffix == ".json"  # the seconds of each epoch are told too
            found[str(path.relative_to(tmp_path / out))] = (
                re.sub(r'"seconds": [\d.e-]+', "", path.read_text()) if told else path.read_bytes()
            )
        return found

    checkpoint = tmp_path / "stopped.checkpoints" / "member-1" / "last.safetensors"
    with subprocess.Popen(
        command("stopped"), cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until = time.monotonic() + 300
        while not checkpoint.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, ""), err
    read_as, *err = err.splitlines()
    assert read_as.startswith("gunpoint: timeseries, 200 samples of shape (150,), 2 classes")
    assert re.fullmatch(r"stopped in network 2 of 2, epoch \d+ of 20; the same command resumes there", *err)
    place = re.findall("epoch .* of 20", *err)[0]
    assert not (tmp_path / "stopped").exists()
    gone_on, whole = (
        subprocess.run(command(out), cwd=tmp_path, text=True, capture_output=True, timeout=300, check=True)
        for out in ("stopped", "whole")
    )
    resumed = f"network 1 of 2 is trained\nresuming from network 2 of 2, {place}\n"
    assert gone_on.stderr == f"{read_as}\n{resumed}"
    assert whole.stderr == f"{read_as}\n"
    assert gone_on.stdout == whole.stdout.replace("whole", "stopped")
    assert files("stopped") == files("whole")
    assert len([name for name in files("whole") if name.endswith(".safetensors")]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"stopped", "whole"}  # and no checkpoints


@pytest.mark.slow
def test_bench_ends_with_the_page_and_goes_on_where_it_stopped(call, waves, tmp_path):
    words = ["bench", str(waves), "-c", "pixels:gadf:1nn", "-c", "table:raw:1nn", "-c", "majority", "--out", "runs"]
    said = call(*words)
    assert said.code == 0, said.err
    assert (tmp_path / "runs" / "report.html").read_text().startswith("<!DOCTYPE html>")
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*/result.json")}
    assert len(cells) == 3
    assert call(*words).code == 0
    assert {path: path.stat().st_mtime_ns for path in cells} == cells


def test_encoders_are_listed(call):
    said = call("encoders")
    assert said.code == 0
    assert "recurrence" in said.out


@pytest.fixture
def beeps(tmp_path: Path, random: np.random.Generator) -> Path:
    """Twelve recordings in a folder per class, and one file that is none."""
    import soundfile

    for name, pitch_hz in (("high", 1500), ("low", 300)):
        (tmp_path / "beeps" / name).mkdir(parents=True)
        for take in range(6):
            wave = np.sin(2 * np.pi * pitch_hz * np.arange(2000) / 8000) + random.normal(scale=0.1, size=2000)
            soundfile.write(tmp_path / "beeps" / name / f"{take}.wav", 0.5 * wave, 8000)
    (tmp_path / "beeps" / "low" / "broken.wav").write_text("this is text")
    return tmp_path / "beeps"


@pytest.mark.slow
def test_a_broken_file_is_skipped_only_where_that_is_asked_for(call, beeps, tmp_path):
    said = call("encode", "beeps", "--size", "8", "--out", "images")
    assert said.code == 2
    assert "broken.wav" in said.err
    assert len(said.err.strip().splitlines()) == 1
    said = call("encode", "beeps", "--size", "8", "--out", "images", "--load", "skip_unreadable=True")
    assert said.code == 0
    assert "note: beeps: skipped 1 of 13 files that could not be read" in said.err
    assert said.out == "12 images of beeps by melspectrogram, 1 x 8 x 8, in images\n"
    quick = ("-c", "pixels:melspectrogram(size=8):1nn", "-c", "table:acoustic:ridge", "-c", "majority")
    said = call("bench", "beeps", *quick, "--load", "skip_unreadable=True", "--out", "runs")
    assert said.code == 0, said.err
    assert "skipped 1 of 13 files" in (tmp_path / "runs" / "report.html").read_text()
    said = call("bench", "beeps", "--load", "skip=True")
    assert said.code == 2
    assert said.err.startswith("error: audio_folder: no option of this format is called 'skip'; it has group, ")


@pytest.mark.slow
def test_a_model_of_sounds_predicts_files_of_another_rate(call, beeps, tmp_path):
    import soundfile

    (beeps / "low" / "broken.wav").unlink()
    hyperparameters = ("--train", "epochs=4", "--train", "min_steps=60", "--train", "mixup=0.0")
    said = call("train", "beeps", "--size", "16", "--out", "model", *hyperparameters)
    assert said.code == 0, said.err
    assert "these samples set sample_rate_hz=8000, duration_s='fit', preset='speech'" in said.err
    wave = 0.5 * np.sin(2 * np.pi * 1500 * np.arange(11025) / 44100)
    soundfile.write(tmp_path / "new.flac", np.stack([wave, wave], axis=1), 44100)
    said = call("predict", "model", "new.flac", "--out", "predictions.csv")
    assert said.code == 0, said.err
    assert (tmp_path / "predictions.csv").read_text().splitlines()[1].startswith("new.flac,new.flac,high,")


@pytest.mark.slow
@pytest.mark.parametrize(
    "named", [("--format", "tabular_csv"), ("--load", "format=tabular_csv")], ids=lambda one: one[0]
)
def test_a_format_that_is_never_recognized_is_named(call, tmp_path, random, named):
    rows = ["age,weight,class"]
    rows += [f"{30 + 9 * (n % 2) + random.normal():.2f},{random.normal():.2f},{'ab'[n % 2]}" for n in range(30)]
    (tmp_path / "people.csv").write_text("\n".join(rows))
    table = ("-c", "table:raw_columns:logistic", "-c", "majority", "--split", "resample", "--resamples", "2")
    said = call("bench", "people.csv", *named, *table, "--out", "runs")
    assert (said.code, said.err.count("Traceback")) == (0, 0), said.err
    assert "report page" in said.out
