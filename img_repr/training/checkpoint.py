"""Checkpoints of a training on disk: at every moment a whole one stands, whatever kills the process or the disk.

``last.safetensors`` and the one before it, ``before.safetensors``, are to go on from; ``best.safetensors`` is the best
by the validation part. Each is made in a folder of its own next to them, and takes its name in one step.
"""

import os
import platform
import re
import shutil
import tempfile
import time
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from img_repr.core.errors import DataError, ParameterError, ResultError
from img_repr.training.checkpoint_file import DamagedError, flush, looks_whole, read_file, write_file

_LAST, _BEFORE, _BEST = _FILES = ("last.safetensors", "before.safetensors", "best.safetensors")
_WORKSHOP = re.compile(r"\.checkpoint-([0-9a-f]{8})-(\d{1,9})-(?:last|best)")
_NODE = f"{zlib.crc32(platform.node().encode()):08x}"  # folders are shared between machines, process ids are not
_ABANDONED_S = 3600.0  # no checkpoint takes that long to write


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to go on.

    Parameters
    ----------
    tensors : dict of Tensor
        On the CPU, each laid out in memory as it was when written (``channels_last`` stays so).
    facts : dict
        JSON values.
    path : Path
        File that they were read from.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]
    path: Path


def check_checkpoints(folder: str | Path) -> Path:
    """Check before a training that its checkpoints can be written.

    Parameters
    ----------
    folder : str or Path
        Need not exist; if it does, it is empty or holds checkpoints.

    Returns
    -------
    Path
        The folder; nothing is made there.

    Raises
    ------
    DataError
        If there is a file, or a folder of other things, or nothing can be written there.
    """
    place = Path(folder)
    try:
        if place.is_dir():
            held = [path.name for path in place.iterdir()]
            if held and not any(name in _FILES or _WORKSHOP.fullmatch(name) for name in held):
                raise DataError(f"{place}: expected a new folder, or one of checkpoints, got one of other things")
            for file in _FILES:
                _is_ours(place / file)
        elif os.path.lexists(place):
            raise DataError(f"{place}: expected a folder for checkpoints, got a file")
        nearest = next(one for one in (place, *place.absolute().parents) if os.path.lexists(one))
        if not nearest.is_dir():
            raise DataError(f"{place}: expected a place for a folder, got one below {nearest}, which is a file")
        tempfile.TemporaryDirectory(dir=nearest).cleanup()  # permissions do not tell all: a disk may be read-only
    except OSError as error:
        raise DataError(f"{place}: expected a place for checkpoints, got: {error.strerror}") from None
    return place


def write_checkpoint(
    folder: str | Path, name: Literal["last", "best"], tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> Path:
    """Write a checkpoint in one step: the older ones stand untouched until it stands, and if it cannot.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing.
    name : "last" or "best"
        The present ``last`` is kept as ``before.safetensors``.
    tensors : mapping of str to Tensor
        On any device, in any layout of memory; may share memory.
    facts : mapping of str to JSON values
        Floats come back exactly (nan and infinities too), tuples as lists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If it cannot be written, or would replace a file of someone else; says which checkpoints stand.
    ParameterError
        If something is neither a dense tensor nor a JSON value.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from img_repr.training.checkpoint import read_checkpoint, write_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for epoch in range(3):
    ...         path = write_checkpoint(folder, "last", {"weight": torch.full((2,), epoch)}, {"epoch": epoch})
    ...     checkpoint = read_checkpoint(folder)
    >>> path.name, checkpoint.tensors, checkpoint.facts
    ('last.safetensors', {'weight': tensor([2, 2])}, {'epoch': 2})
    """
    place = Path(folder)
    target = place / _file_of(name)
    workshop = place / f".checkpoint-{_NODE}-{os.getpid()}-{name}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        keeps = _is_ours(target) and name == "last"
        workshop.mkdir()
        write_file(workshop / "made", tensors, facts)
        _take_place(workshop / "made", target, kept=place / _BEFORE if keeps else None)
        with suppress(OSError):  # not every file system can
            flush(place)
    except (OSError, DamagedError) as error:
        good = [file for file in _FILES if _is_good(place / file)]
        said = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{target}: expected to write a checkpoint, got: {said}; still good there: {', '.join(good) or 'none'}"
        ) from None
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return target


def read_checkpoint(folder: str | Path, name: Literal["last", "best"] = "last") -> Checkpoint | None:
    """Read a checkpoint, never unpickling; warns where ``last`` is damaged and the one before it is given.

    Parameters
    ----------
    folder : str or Path
        Folder of the checkpoints.
    name : "last" or "best"
        Which one.

    Returns
    -------
    Checkpoint or None
        None where there is none.

    Raises
    ------
    ResultError
        If there is no whole one, or a file that is none of ours, or one of another format.
    """
    damaged: list[str] = []
    for file in (_LAST, _BEFORE) if _file_of(name) == _LAST else (_BEST,):
        path = Path(folder, file)
        try:
            content = read_file(path)
        except DamagedError as error:
            damaged.append(f"{file} ({error})")
            continue
        if content is not None:
            if damaged:
                said = f"got a damaged {damaged[0]}; going on from {file}"
                warnings.warn(f"{folder}: expected a whole checkpoint, {said}", stacklevel=2)
            return Checkpoint(*content, path)
    if damaged:
        raise ResultError(f"{folder}: expected a whole checkpoint, got a damaged {' and a damaged '.join(damaged)}")
    return None


def forget_checkpoints(folder: str | Path) -> None:
    """Remove all checkpoints of a folder, and the folder if nothing else is in it.

    Raises
    ------
    DataError
        If they cannot be removed.
    """
    place = Path(folder)
    try:
        if not place.is_dir():
            return
        for file in (_BEFORE, _BEST, _LAST):  # if it is killed here, the end of the training is left
            with suppress(DataError):  # what is not ours stays
                _is_ours(place / file)
                (place / file).unlink(missing_ok=True)
        _sweep(place, all_of_them=True)
    except OSError as error:
        raise DataError(f"{place}: expected checkpoints that can be removed, got: {error.strerror}") from None
    with suppress(OSError):  # something else is in it
        place.rmdir()


def _file_of(name: str) -> str:
    if name not in ("last", "best"):
        raise ParameterError(f"checkpoint: expected the name 'last' or 'best', got {name!r}")
    return f"{name}.safetensors"


def _take_place(made: Path, target: Path, *, kept: Path | None) -> None:
    """Give a whole file its name; at no moment is there no whole file under a name that is looked for."""
    if kept is None:
        made.replace(target)
        return
    aside = made.with_name("aside")
    try:
        aside.hardlink_to(target)
    except OSError:  # not every file system can
        target.replace(kept)
        made.replace(target)
    else:
        made.replace(target)
        aside.replace(kept)


def _is_ours(path: Path) -> bool:
    """Tell whether there is a checkpoint that looks whole, and refuse what others wrote."""
    try:
        return looks_whole(path)
    except ResultError:
        raise DataError(f"{path}: expected a checkpoint or nothing there, got a file of another kind") from None


def _is_good(path: Path) -> bool:
    try:
        return read_file(path) is not None
    except (DamagedError, ResultError):
        return False


def _sweep(place: Path, *, all_of_them: bool = False) -> None:
    """Remove what processes that were killed while they wrote have left."""
    for path in place.iterdir():
        found = _WORKSHOP.fullmatch(path.name)
        if found and (all_of_them or _is_abandoned(path, node=found[1], process=int(found[2]))):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: Path, *, node: str, process: int) -> bool:
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > _ABANDONED_S:
            return True
    if node != _NODE or os.name != "posix":
        return False
    try:
        os.kill(process, 0)  # a question, no signal
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return process == os.getpid()
