"""Results on disk: one folder per cell of the table, named by what was computed, written beside and renamed.

A cell is ``<key>/{spec,result,env}.json`` and, where it succeeded, ``preds.npz``. Folders of several machines
merge by copying. This file knows no model and imports no torch: the report reads with it.
"""

import contextlib
import hashlib
import json
import math
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.sweep.workshop import beside
from img_repr.core.errors import ResultError

SCHEMA = 1  # raised whenever what a cell means, or how it is computed, changes: older cells are then run anew
KEY_LENGTH = 16  # hexadecimal digits of the key that name the folder
_PREDICTIONS = ("indices", "labels", "probabilities", "classes")
_KNOWN_OF_SAMPLES = ("groups", "genuine", "elapsed_s")
_COORDINATES = ("dataset", "domain", "split_kind", "split_name", "seed", "contender")
_REQUIRED = (*_COORDINATES, "status", "n_train", "n_test", "started")
_SCORES = (
    "accuracy",
    "balanced_accuracy",
    "log_loss",
    "macro_f1",
    "fit_s",
    "predict_s",
    "predict_ms_per_item",
)


def canonical(value: Any) -> str:
    """JSON of a value in one form only: sorted keys, no spaces, numpy scalars as numbers, tuples as lists."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def cell_key(spec: Mapping[str, Any]) -> str:
    """Sha256 of the canonical JSON of a cell's spec.

    Examples
    --------
    >>> cell_key({"seed": 0, "split": "time"}) == cell_key({"split": "time", "seed": 0})
    True
    """
    return hashlib.sha256(canonical(spec).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What running a cell gives: JSON values and, where it succeeded, the arrays of ``preds.npz``."""

    spec: dict[str, Any]
    result: dict[str, Any]
    env: dict[str, Any]
    predictions: dict[str, np.ndarray] | None = None

    @property
    def key(self) -> str:
        """Key of the cell."""
        return cell_key(self.spec)


@dataclass(frozen=True, eq=False)
class Record:
    """A cell that was read from disk."""

    folder: Path
    spec: dict[str, Any]
    result: dict[str, Any]
    env: dict[str, Any]

    @property
    def key(self) -> str:
        """Key of the cell."""
        return cell_key(self.spec)

    @property
    def good(self) -> bool:
        """Whether the cell has scores."""
        return bool(self.result["status"] == "ok")

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """Test positions ``indices``, ``labels``, ``probabilities`` (N, K), names ``classes``.

        Where they are known also ``groups``, ``genuine`` and ``elapsed_s``, one of each per test sample.
        """
        with np.load(self.folder / "preds.npz", allow_pickle=False) as stored:
            names = [*_PREDICTIONS, *(name for name in _KNOWN_OF_SAMPLES if name in stored)]
            return {name: stored[name] for name in names}

    def holding(self, predictions: dict[str, np.ndarray]) -> "Record":
        """Give the record with other predictions than those on disk."""
        other = Record(self.folder, self.spec, self.result, self.env)
        other.__dict__["predictions"] = predictions
        return other

    @cached_property
    def judged(self) -> np.ndarray:
        """Rows of the predictions whose label is the truth, by ascending position in the data set."""
        kept = self.predictions
        order = np.argsort(kept["indices"])
        return np.asarray(order[kept["genuine"][order]] if "genuine" in kept else order)

    @property
    def groups(self) -> np.ndarray | None:
        """Group of each judged sample; None where groups are unknown."""
        groups = self.predictions.get("groups")
        return None if groups is None else groups[self.judged]

    @property
    def right(self) -> np.ndarray:
        """Whether each judged sample was classified rightly, bool."""
        return np.asarray(self.predicted[self.judged] == self.predictions["labels"][self.judged])

    @property
    def predicted(self) -> np.ndarray:
        """Name of the most probable class of each test sample."""
        return np.asarray(self.predictions["classes"][self.predictions["probabilities"].argmax(axis=1)])


def write_outcome(runs: Path, outcome: Outcome, *, replace: bool = False) -> Path:
    """Write a cell as one step: whoever reads sees a whole record or none, never half of one.

    A good record is replaced only by a good one, and only where that is asked for; a record that is replaced is gone
    for the moment between two renames.
    """
    target = runs / outcome.key[:KEY_LENGTH]
    written = beside(target)
    written.mkdir(parents=True)
    try:
        result = dict(outcome.result)
        if outcome.predictions is not None:
            np.savez_compressed(written / "preds.npz", allow_pickle=False, **outcome.predictions)
            result["predictions_sha256"] = hashlib.sha256((written / "preds.npz").read_bytes()).hexdigest()
        for name, value in (("spec", outcome.spec), ("result", result), ("env", outcome.env)):
            (written / f"{name}.json").write_text(json.dumps(_plain(value), indent=1, allow_nan=False) + "\n", "utf-8")
        _take_place(written, target, keeps_good=not (replace and result["status"] == "ok"))
    finally:
        shutil.rmtree(written, ignore_errors=True)
    return target


def _take_place(written: Path, target: Path, *, keeps_good: bool) -> None:
    for again in range(3, -1, -1):
        try:
            written.replace(target)
            return
        except OSError:  # a record stands there: one that failed gives way, a good one of a faster process stays
            if keeps_good and _is_good(target):
                return
            if not again:
                raise
        retired = beside(target)
        with contextlib.suppress(FileNotFoundError):
            target.replace(retired)
        shutil.rmtree(retired, ignore_errors=True)


def _is_good(folder: Path) -> bool:
    try:
        return read_record(folder).good
    except ResultError:
        return False


def read_record(folder: Path) -> Record:
    """Read one cell and check it.

    Raises
    ------
    ResultError
        Naming the folder and what is wrong with it.
    """
    who = f"record {folder.name}"
    parts = {}
    for name in ("spec", "result", "env"):
        try:
            parts[name] = json.loads((folder / f"{name}.json").read_text("utf-8"))
        except FileNotFoundError:
            raise ResultError(f"{who}: expected {name}.json, got no such file") from None
        except (ValueError, OSError) as error:
            raise ResultError(f"{who}: expected {name}.json to be JSON, got {error}") from None
        if not isinstance(parts[name], dict):
            raise ResultError(f"{who}: expected {name}.json to be a table, got {type(parts[name]).__name__}")
    spec, result = parts["spec"], parts["result"]
    if cell_key(spec)[:KEY_LENGTH] != folder.name:
        raise ResultError(f"{who}: expected the name to be the key of its spec, {cell_key(spec)[:KEY_LENGTH]}")
    if spec.get("schema") != SCHEMA:
        raise ResultError(f"{who}: expected schema {SCHEMA}, got {spec.get('schema')}; run the recipe again")
    missing = [name for name in _REQUIRED if name not in result]
    if result.get("status") == "ok":
        missing += [name for name in _SCORES if not isinstance(result.get(name), (int, float))]
    elif result.get("status") != "failed" or not isinstance(result.get("error"), dict):
        missing.append("status")
    if missing:
        raise ResultError(f"{who}: expected result.json to have {', '.join(missing)}, got none that can be used")
    record = Record(folder, spec, result, parts["env"])
    if record.good:
        _check_predictions(record, who)
    return record


def _check_predictions(record: Record, who: str) -> None:
    try:
        content = (record.folder / "preds.npz").read_bytes()
        if hashlib.sha256(content).hexdigest() != record.result.get("predictions_sha256"):
            raise ResultError(f"{who}: expected preds.npz as it was written, got another checksum")
        kept = record.predictions
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, ResultError):
            raise
        raise ResultError(f"{who}: expected preds.npz with {', '.join(_PREDICTIONS)}, got {error}") from None
    shape = (record.result["n_test"], len(kept["classes"]))
    if kept["probabilities"].shape != shape or len(kept["labels"]) != shape[0] or len(kept["indices"]) != shape[0]:
        raise ResultError(f"{who}: expected predictions of shape {shape}, got {kept['probabilities'].shape}")
    accuracy = float(record.right.mean())
    if not math.isclose(accuracy, record.result["accuracy"], abs_tol=1e-9):
        raise ResultError(
            f"{who}: expected result.json with the accuracy of its predictions, {accuracy:.6g}, "
            f"got {record.result['accuracy']:.6g}"
        )


def read_records(runs: Path) -> tuple[list[Record], list[str]]:
    """Read every cell below a folder; those that cannot be used are left out and named in the second list."""
    records, left_out = [], []
    for folder in sorted(runs.iterdir() if runs.is_dir() else []):
        if folder.is_dir() and not folder.name.startswith(".") and len(folder.name) == KEY_LENGTH:
            try:
                records.append(read_record(folder))
            except ResultError as error:
                left_out.append(str(error))
    return records, left_out


def read_plans(runs: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Read what was planned in a folder of runs; what cannot be used is left out and named in the second list."""
    plans, left_out = [], []
    for path in sorted((runs / "plans").glob("*.json")):
        try:
            plan = json.loads(path.read_text("utf-8"))
            if not (isinstance(plan, dict) and isinstance(plan.get("cells"), list)):
                raise ValueError("another kind of JSON")
            plans.append(plan)
        except (ValueError, OSError) as error:
            left_out.append(f"plan {path.name}: expected the plan of a recipe, got {error}")
    return plans, left_out


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file as one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = beside(path)
    written.write_text(json.dumps(_plain(value), indent=1, allow_nan=False) + "\n", "utf-8")
    written.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)
