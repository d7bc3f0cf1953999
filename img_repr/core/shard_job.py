"""The job of a folder of shards and its progress: a note per finished shard, and the manifest at the end."""

import hashlib
import json
import pickle
import shutil
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from img_repr.core.atomic import check_new_folder
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, DegenerateSampleWarning, ParameterError, ResultError
from img_repr.core.json_file import json_bytes, read_json
from img_repr.core.shards import COLUMNS, FORMAT, JOB_SHAPE, MANIFEST, sha256_of, shard_name, stream

WORK = "job"  # folder of the files that exist only until the manifest is written
_JOB = f"{WORK}/job.json"
_MOST_IMAGES, _MOST_BYTES, _FEWEST_IMAGES, _SHARDS = 4096, 1 << 26, 64, 16
_NOTE_SHAPE = {"job": str, "images": range(1, 1 << 62), "sha256": str, "strict": bool}
_SAID = {"encoder": "encoder", "fingerprint": "content of the data", "per_shard": "number of images per shard"}


@dataclass(frozen=True)
class ShardJob:
    """Everything that determines the bytes of a folder of shards, as JSON values.

    Parameters
    ----------
    dataset : str
        Its name; the only field that does not affect the bytes.
    fingerprint, encoder
        ``Dataset.fingerprint()`` and ``AbstractEncoder.spec()``.
    images : int
    shape : list of int
        ``[C, H, W]`` of an image.
    per_shard : int
        Images per shard; the last may have fewer.
    """

    dataset: str
    fingerprint: str
    encoder: dict[str, Any]
    images: int
    shape: list[int]
    per_shard: int

    @classmethod
    def of(cls, encoder: AbstractEncoder, dataset: Dataset, target: Path, per_shard: int | None) -> "ShardJob":
        """Return the job, after a check that its folder is new or of the same job.

        The shape is that of the first image; ``per_shard`` defaults to that of the shards already in the folder.
        """
        if per_shard is not None and per_shard < 1:
            raise ParameterError(f"write_shards: expected at least one image per shard, got {per_shard}")
        check_shard_folder(target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateSampleWarning)  # it is raised again when the shard is written
            image = next(stream(encoder, dataset.subset([0])))[0]
        begun = cls.at(target)
        if per_shard is None:
            per_shard = (
                begun.per_shard if begun else images_per_shard(len(dataset), max(image.nbytes, _sent_bytes(dataset)))
            )
        spec = json.loads(json.dumps(encoder.spec()))
        job = cls(dataset.name, dataset.fingerprint(), spec, len(dataset), list(image.shape), per_shard)
        if begun is not None:
            job._check_same(target, begun)
        return job

    @classmethod
    def at(cls, target: Path) -> "ShardJob | None":
        """Read the job of a folder, complete or not; None if there is none."""
        found = next((target / name for name in (MANIFEST, _JOB) if (target / name).is_file()), None)
        if found is None:
            return None
        try:
            content = read_json(found, JOB_SHAPE, format=FORMAT)
        except ResultError as error:
            raise DataError(
                f"{target}: expected a folder of shards, got one with {error}; name another folder"
            ) from None
        return cls(**{word.name: content[word.name] for word in fields(cls)})

    def _check_same(self, target: Path, other: "ShardJob") -> None:
        differ = [word for word, value in vars(self).items() if word != "dataset" and vars(other)[word] != value]
        if differ:
            raise DataError(
                f"{target}: expected a new folder or one of the same job, got {other.images} images of {other.dataset} "
                f"with another {_SAID.get(differ[0], f'number of {differ[0]}')}"
            )

    @property
    def key(self) -> str:
        """Sha256 of the fields that affect the bytes."""
        content = {word: value for word, value in vars(self).items() if word != "dataset"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def shards(self) -> int:
        """Number of shards of the complete folder."""
        return -(-self.images // self.per_shard)

    def positions(self, number: int) -> range:
        """Positions in the data set of the images of a shard."""
        return range(number * self.per_shard, min((number + 1) * self.per_shard, self.images))

    def begin(self, target: Path) -> None:
        """Make the folder and write the job into it, unless it is there already."""
        try:
            (target / WORK).mkdir(parents=True, exist_ok=True)
            if not (target / _JOB).exists():
                _write(target, _JOB, asdict(self))
        except FileNotFoundError:  # another process has just cleared the folder
            raise
        except OSError as error:
            raise DataError(f"{target}: expected a folder that can be written, got: {error.strerror}") from None

    def note(self, target: Path, number: int, sha256: str, *, strict: bool) -> dict[str, Any]:
        """Write the note of a finished shard; ``strict``: no sample in it was degenerate."""
        note = {"job": self.key, "images": len(self.positions(number)), "sha256": sha256, "strict": strict}
        _write(target, f"{WORK}/{shard_name(number)}.json", note)
        return note

    def find(self, target: Path, number: int, *, strict: bool = False) -> dict[str, Any] | None:
        """Return the note of a shard whose bytes match it; None if there is none.

        Raises
        ------
        DataError
            If the shard is of another job.
        """
        try:
            note = read_json(_note_of(target, number), _NOTE_SHAPE, format=FORMAT)
            ours = note["job"] == self.key
            good = ours and sha256_of(target / shard_name(number)) == note["sha256"] and (note["strict"] or not strict)
        except (OSError, ResultError):
            return None
        if not ours:
            raise DataError(f"{target / shard_name(number)}: expected a shard of this job, got one of another")
        return note if good else None

    def finish(self, target: Path, dataset: Dataset, notes: dict[int, dict[str, Any]]) -> None:
        """Write the manifest if every shard is there.

        Parameters
        ----------
        target : Path
        dataset : Dataset
        notes : dict
            Notes of shards known to be good; all other shards are read and checked.
        """
        notes = dict(notes)
        others = [number for number in range(self.shards) if number not in notes]
        if not all(_note_of(target, number).exists() for number in others):
            return
        for number in others:
            found = self.find(target, number)
            if found is None:
                return
            notes[number] = found
        there = {path.name for path in target.iterdir()}
        lost = [shard_name(number) for number in range(self.shards) if shard_name(number) not in there]
        if lost:
            raise DataError(f"{target}: expected workers that write into this folder, got none of {', '.join(lost)}")
        shards = [
            {"file": shard_name(number), "images": notes[number]["images"], "sha256": notes[number]["sha256"]}
            for number in range(self.shards)
        ]
        _write(target, COLUMNS, {word: _as_list(column) for word, column in dataset.known.items()})
        _write(target, MANIFEST, asdict(self) | {"samples": sha256_of(target / COLUMNS), "shards": shards})


def check_shard_folder(folder: str | Path) -> None:
    """Check that a folder of shards can be written or resumed at a path.

    Raises
    ------
    DataError
        If the path is a file or a folder with other content, or cannot be written to.
    """
    check_new_folder(folder, replaces=_JOB if (Path(folder) / _JOB).is_file() else MANIFEST)


def count_shards(folder: str | Path) -> tuple[int, int]:
    """Return the number of finished shards of a folder, and of all."""
    target = Path(folder)
    job = ShardJob.at(target)
    if job is None:
        return 0, 0
    if (target / MANIFEST).exists():
        return job.shards, job.shards
    return sum(_note_of(target, number).exists() for number in range(job.shards)), job.shards


def clear(target: Path) -> None:
    """Remove the job and its notes once the manifest is written."""
    if (target / MANIFEST).exists():
        shutil.rmtree(target / WORK, ignore_errors=True)


def leave(target: Path, *, made: bool) -> None:
    """Remove a job without a finished shard; ``made``: its folder too."""
    with suppress(OSError):
        found = {path.relative_to(target).as_posix() for path in (*target.iterdir(), *(target / WORK).iterdir())}
        if found == {WORK, _JOB}:
            shutil.rmtree(target / WORK)
            if made:
                target.rmdir()


def images_per_shard(count: int, bytes_each: int) -> int:
    """Return the largest power of two within 4096 images, 64 MiB and a sixteenth of all, but 64 if they fit.

    Examples
    --------
    >>> from img_repr.core.shard_job import images_per_shard
    >>> images_per_shard(100_000, 64 * 64), images_per_shard(10_000, 64 * 64), images_per_shard(50, 3 * 1024**2)
    (4096, 512, 16)
    """
    fitting = min(_MOST_IMAGES, _MOST_BYTES // bytes_each, max(_FEWEST_IMAGES, count // _SHARDS))
    return int(1 << (max(1, fitting).bit_length() - 1))


def _note_of(target: Path, number: int) -> Path:
    return target / WORK / f"{shard_name(number)}.json"


def _write(target: Path, name: str, content: Any) -> None:
    """Write JSON atomically; the temporary file lies where :func:`clear` removes it."""
    temporary = target / WORK / f".{uuid4().hex}"
    temporary.write_bytes(json_bytes(content, format=FORMAT, indent=2 if name == MANIFEST else None))
    temporary.replace(target / name)


def _as_list(column: np.ndarray) -> list[Any]:
    values: list[Any] = column.tolist() if column.dtype.kind in "biuf" else [str(value) for value in column]
    return values


def _sent_bytes(dataset: Dataset) -> int:
    """Bytes of a sample as it is sent to a worker: the largest of three."""
    ends = {0, len(dataset) // 2, len(dataset) - 1}
    try:
        return max(len(pickle.dumps(dataset.take([position]))) for position in ends)
    except (pickle.PicklingError, TypeError, AttributeError):  # it cannot be sent
        return 1
