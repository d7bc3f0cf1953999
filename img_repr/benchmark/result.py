"""Results on disk: one folder per run, named by a hash of its spec, written atomically.

The reason for its length: one record, its four files, and every check of each.

A run is ``<key>/{spec,result,env}.json`` and, if it succeeded, ``preds.npz``. Each JSON file has its own checksum, and
``result.json`` those of the other files. Folders of several machines merge by copying. No torch is imported.
"""

import contextlib
import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.array_file import read_npz
from img_repr.core.atomic import temporary_path
from img_repr.core.errors import DataError, ResultError
from img_repr.core.json_file import find_mismatch, read_json, to_plain, write_json

SCHEMA = 2  # raised when the meaning or computation of a run changes: older runs are then repeated
KEY_LENGTH = 16  # hexadecimal digits of the key that name the folder
_PREDICTIONS = ("indices", "labels", "probabilities", "classes")
_KNOWN_OF_SAMPLES = ("groups", "genuine", "elapsed_s")
_OWN_FOLDERS = ("plans", "images", "shards")
ROLES = ("image", "table", "control", "leak", "fused")
_COUNT, _KNOWN = range(1, 1 << 53), range(0, 1 << 53)
_SECONDS = (float, type(None))
_RESULT_SHAPE = {
    **dict.fromkeys(("dataset", "domain", "split_kind", "split_name", "contender", "started"), str),
    "seed": _KNOWN,
    "split_number?": _KNOWN,
    "role?": frozenset(ROLES),
    "status": frozenset(("ok", "failed")),
    **dict.fromkeys(("n_train", "n_test"), _COUNT),
    **dict.fromkeys(("n_classes?", "n_parallel?", "n_encoded?"), _KNOWN),
    **dict.fromkeys(("total_s?", "warmup_s?", "encode_s?", "encode_ms_per_item?", "peak_rss_mb?"), _SECONDS),
    **dict.fromkeys(("peak_gpu_allocated_mb?", "peak_gpu_reserved_mb?"), _SECONDS),
    "cost?": {str: object},
    "record?": {str: object},
    "sha256": {str: str},
}
_SCORES = ("accuracy", "balanced_accuracy", "log_loss", "macro_f1", "fit_s", "predict_s", "predict_ms_per_item")
_STATUS_SHAPES = {
    "ok": dict.fromkeys(_SCORES, float),
    "failed": {"error": {"class": str, "message": str}},
}
_SPEC_SHAPE = {"schema": _COUNT, "split": {"sha256": str}, "contender": {str: object}}
_ENV_SHAPE = {
    "versions?": {str: (str, type(None))},
    "calibration_s?": _SECONDS,
    "cores?": (int, type(None)),
    **dict.fromkeys(("device?", "platform?"), (str, type(None))),
}
_PLAN_SHAPE = {
    **dict.fromkeys(("name", "note", "command", "written"), str),
    "seeds": [_KNOWN],
    "split": (str, type(None)),
    "resamples": _COUNT,
    "budget_hours": _SECONDS,
    "datasets": [
        {
            **dict.fromkeys(("name", "source", "domain", "sample", "fingerprint"), str),
            "samples": _COUNT,
            "classes": {str: _KNOWN},
            "groups": (int, type(None)),
            "has_times": bool,
            "notes": [str],
            "leaks": [str],
            "splits": [{"kind": str, "name": str, "n_train": _KNOWN, "n_test": _KNOWN, "sha256": str}],
        }
    ],
    "unreadable": {str: {"message": str}},
    "runs": [
        {
            **dict.fromkeys(("key", "dataset", "contender"), str),
            "role": frozenset(ROLES),
            "needs_seed": bool,
            "spec": {str: object},
            **dict.fromkeys(("split", "seed"), _KNOWN),
        }
    ],
}


def canonical(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, numpy scalars as numbers, tuples as lists."""
    return json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def run_key(spec: Mapping[str, Any]) -> str:
    """Return the sha256 of the canonical JSON of a run's spec.

    Examples
    --------
    >>> run_key({"seed": 0, "split": "time"}) == run_key({"split": "time", "seed": 0})
    True
    """
    return hashlib.sha256(canonical(spec).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of an executed run: JSON values and, if it succeeded, the arrays of ``preds.npz``."""

    spec: dict[str, Any]
    result: dict[str, Any]
    env: dict[str, Any]
    predictions: dict[str, np.ndarray] | None = None

    @property
    def key(self) -> str:
        """Key of the run."""
        return run_key(self.spec)


@dataclass(frozen=True, eq=False)
class Record:
    """A run that was read from disk."""

    folder: Path
    spec: dict[str, Any]
    result: dict[str, Any]
    env: dict[str, Any]

    @property
    def key(self) -> str:
        """Key of the run."""
        return run_key(self.spec)

    @property
    def good(self) -> bool:
        """Whether the run has scores."""
        return bool(self.result["status"] == "ok")

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """Test positions ``indices``, ``labels``, ``probabilities`` (N, K), names ``classes``.

        If known also ``groups``, ``genuine`` and ``elapsed_s``, one per test sample.
        """
        return read_npz(self.folder / "preds.npz", (*_PREDICTIONS, *(f"{name}?" for name in _KNOWN_OF_SAMPLES)))

    def holding(self, predictions: dict[str, np.ndarray]) -> "Record":
        """Return a copy of the record with other predictions than those on disk."""
        other = Record(self.folder, self.spec, self.result, self.env)
        other.__dict__["predictions"] = predictions
        return other

    @cached_property
    def scored_rows(self) -> np.ndarray:
        """Rows of the genuine test samples in the predictions, by ascending position in the data set."""
        kept = self.predictions
        order = np.argsort(kept["indices"])
        return np.asarray(order[kept["genuine"][order]] if "genuine" in kept else order)

    @property
    def groups(self) -> np.ndarray | None:
        """Group of each scored sample; None if groups are unknown."""
        groups = self.predictions.get("groups")
        return None if groups is None else groups[self.scored_rows]

    @property
    def right(self) -> np.ndarray:
        """Whether each scored sample was classified correctly, bool."""
        return np.asarray(self.predicted[self.scored_rows] == self.predictions["labels"][self.scored_rows])

    @property
    def predicted(self) -> np.ndarray:
        """Name of the most probable class of each test sample."""
        return np.asarray(self.predictions["classes"][self.predictions["probabilities"].argmax(axis=1)])


def write_outcome(runs_folder: Path, outcome: Outcome, *, replace: bool = False) -> Path:
    """Write a run atomically: a reader sees the whole record or none.

    A good record is replaced only by a good one, and only with ``replace``; a replaced record is missing for the moment
    between two renames.
    """
    target = runs_folder / outcome.key[:KEY_LENGTH]
    written = temporary_path(target)
    written.mkdir(parents=True)
    try:
        result = dict(outcome.result)
        for name, value in (("spec", outcome.spec), ("env", outcome.env)):
            write_json(written / f"{name}.json", value, format=SCHEMA)
        if outcome.predictions is not None:
            np.savez_compressed(written / "preds.npz", allow_pickle=False, **outcome.predictions)
        result["sha256"] = {path.name: _sha256(path) for path in sorted(written.iterdir())}
        write_json(written / "result.json", result, format=SCHEMA)
        _replace_record(written, target, keeps_good=not (replace and result["status"] == "ok"))
    finally:
        shutil.rmtree(written, ignore_errors=True)
    return target


def _replace_record(written: Path, target: Path, *, keeps_good: bool) -> None:
    for again in range(3, -1, -1):
        try:
            written.replace(target)
            return
        except OSError:  # a record exists: a failure is replaced, a good one of a faster process is kept
            if keeps_good and _is_good(target):
                return
            if not again:
                raise
        retired = temporary_path(target)
        with contextlib.suppress(FileNotFoundError):
            target.replace(retired)
        shutil.rmtree(retired, ignore_errors=True)


def _is_good(folder: Path) -> bool:
    try:
        return read_record(folder).good
    except ResultError:
        return False


def read_record(folder: Path) -> Record:
    """Read one run and check it.

    Raises
    ------
    ResultError
        Naming the folder and what is wrong with it.
    """
    caller = f"record {folder.name}"
    try:
        result = read_json(folder / "result.json", _RESULT_SHAPE, format=SCHEMA)
        mismatch = find_mismatch(result, _STATUS_SHAPES[result["status"]], "result.json")
        if mismatch:
            raise ResultError(f"expected {mismatch}")
        hashes = {name: result["sha256"].get(name, "") for name in ("spec.json", "env.json", "preds.npz")}
        spec = read_json(folder / "spec.json", _SPEC_SHAPE, format=SCHEMA, sha256=hashes["spec.json"])
        env = read_json(folder / "env.json", _ENV_SHAPE, format=SCHEMA, sha256=hashes["env.json"])
        if run_key(spec)[:KEY_LENGTH] != folder.name:
            raise ResultError(f"expected the name to be the key of its spec, {run_key(spec)[:KEY_LENGTH]}")
        if spec["schema"] != SCHEMA:
            raise ResultError(f"expected schema {SCHEMA}, got {spec['schema']}")
        record = Record(folder, spec, result, env)
        if record.good:
            _check_predictions(record, hashes["preds.npz"])
    except (ResultError, DataError) as error:
        raise ResultError(f"{caller}: {error}; run the recipe again") from None
    return record


def _check_predictions(record: Record, sha256: str) -> None:
    try:
        digest = _sha256(record.folder / "preds.npz")
    except OSError as error:
        raise ResultError(f"expected preds.npz, got: {error.strerror}") from None
    if digest != sha256:
        raise ResultError("expected preds.npz as it was written, got another checksum")
    kept = record.predictions
    count, classes = record.result["n_test"], kept["classes"]
    shapes = {name: kept[name].shape for name in kept if name not in ("probabilities", "classes")}
    if kept["probabilities"].shape != (count, len(classes)) or any(shape != (count,) for shape in shapes.values()):
        raise ResultError(
            f"expected predictions of shape {(count, len(classes))}, got {kept['probabilities'].shape}, {shapes}"
        )
    kinds = "".join(kept[name].dtype.kind for name in _PREDICTIONS)
    if kinds != "iUfU" or not len(classes) or not np.isfinite(kept["probabilities"]).all():
        raise ResultError(f"expected predictions of positions, labels and finite probabilities, got types {kinds}")
    accuracy = float(record.right.mean())
    if not math.isclose(accuracy, record.result["accuracy"], abs_tol=1e-9):
        raise ResultError(
            f"expected result.json with the accuracy of its predictions, {accuracy:.6g}, "
            f"got {record.result['accuracy']:.6g}"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_records(runs_folder: Path) -> tuple[list[Record], list[str]]:
    """Return the records of a folder, and messages on those that cannot be used."""
    records, left_out = [], []
    for folder in sorted(runs_folder.iterdir() if runs_folder.is_dir() else []):
        if folder.is_dir() and not folder.name.startswith(".") and len(folder.name) == KEY_LENGTH:
            try:
                records.append(read_record(folder))
            except ResultError as error:
                left_out.append(str(error))
    return records, left_out


def check_runs_folder(runs_folder: Path) -> None:
    """Refuse to write runs into a folder with other files.

    Raises
    ------
    DataError
        If it is a file, or a folder without a plan or a record but with other visible files.
    """
    try:
        inside = (
            [path for path in runs_folder.iterdir() if not path.name.startswith(".")] if runs_folder.exists() else []
        )
    except OSError as error:
        raise DataError(f"{runs_folder}: expected a folder for runs, got: {error.strerror}") from None
    ours = any(path.name in _OWN_FOLDERS or (path / "spec.json").exists() for path in inside)
    if inside and not ours:
        raise DataError(
            f"{runs_folder}: expected a new or empty folder, or one that holds runs, got one with {inside[0].name}"
        )


def read_plans(runs_folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the plans of a folder, and messages on those that cannot be used."""
    plans, left_out = [], []
    for path in sorted((runs_folder / "plans").glob("*.json")):
        try:
            plan = read_json(path, _PLAN_SHAPE, format=SCHEMA)
            splits = {entry["name"]: len(entry["splits"]) for entry in plan["datasets"]}
            if any(run["split"] >= splits.get(run["dataset"], 0) for run in plan["runs"]):
                raise ResultError(f"{path.name}: expected runs on splits that it lists, got others")
            plans.append(plan)
        except ResultError as error:
            left_out.append(f"plan {error}; run the recipe again")
    return plans, left_out
