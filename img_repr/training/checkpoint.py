"""Checkpoints of a training on disk; a complete one exists at every moment, also if the process or the disk fails.

A training resumes from ``last.safetensors``, or from the one before it, ``before.safetensors``; ``best.safetensors``
has the lowest validation loss. Each is written in a temporary folder next to them and renamed.
"""

import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from img_repr.core.atomic import is_alive, process_space
from img_repr.core.errors import DataError, ParameterError, ResultError
from img_repr.training.checkpoint_file import DamagedError, flush, looks_whole, read_file, write_file

_LAST, _BEFORE, _BEST = _FILES = ("last.safetensors", "before.safetensors", "best.safetensors")
_TEMPORARY = re.compile(r"\.checkpoint-([0-9a-f]{8})-(\d{1,9})-(?:last|best)")
_ABANDONED_S = 3600.0  # writing a checkpoint takes less


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint.

    Parameters
    ----------
    tensors : dict of Tensor
        On the CPU, each in the memory layout that it had when written (``channels_last`` stays so).
    metadata : dict
        JSON values.
    path : Path
        File that was read.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]
    path: Path


def check_checkpoints(folder: str | Path) -> Path:
    """Check that checkpoints can be written to a folder.

    Parameters
    ----------
    folder : str or Path
        A new folder, an empty one, or one of checkpoints.

    Returns
    -------
    Path
        The folder; nothing is created.

    Raises
    ------
    DataError
        If it is a file, a folder of other files, or cannot be written to.
    """
    folder = Path(folder)
    try:
        if folder.is_dir():
            held = [path.name for path in folder.iterdir()]
            if held and not any(name in _FILES or _TEMPORARY.fullmatch(name) for name in held):
                raise DataError(f"{folder}: expected a new folder, or one of checkpoints, got one of other files")
            for file in _FILES:
                _is_checkpoint(folder / file)
        elif os.path.lexists(folder):
            raise DataError(f"{folder}: expected a folder for checkpoints, got a file")
        nearest = next(one for one in (folder, *folder.absolute().parents) if os.path.lexists(one))
        if not nearest.is_dir():
            raise DataError(f"{folder}: expected a path for a folder, got one below {nearest}, which is a file")
        tempfile.TemporaryDirectory(dir=nearest).cleanup()  # permissions do not show that a disk is read-only
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be written to, got: {error.strerror}") from None
    return folder


def write_checkpoint(
    folder: str | Path, name: Literal["last", "best"], tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]
) -> Path:
    """Write a checkpoint atomically; older ones stay as they are until it is complete, or if it fails.

    Parameters
    ----------
    folder : str or Path
        Created if it does not exist.
    name : "last" or "best"
        The previous ``last`` becomes ``before.safetensors``.
    tensors : mapping of str to Tensor
        On any device, in any memory layout; they may share memory.
    metadata : mapping of str to JSON values
        Floats are restored exactly (nan and infinities too), tuples as lists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If it cannot be written, or would replace a file that is not a checkpoint; the message names the valid ones.
    ParameterError
        If a value is neither a dense tensor nor a JSON value.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from img_repr.training.checkpoint import read_checkpoint, write_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for epoch in range(3):
    ...         path = write_checkpoint(folder, "last", {"weight": torch.full((2,), epoch)}, {"epoch": epoch})
    ...     checkpoint = read_checkpoint(folder)
    >>> path.name, checkpoint.tensors, checkpoint.metadata
    ('last.safetensors', {'weight': tensor([2, 2])}, {'epoch': 2})
    """
    folder = Path(folder)
    target = folder / _file_of(name)
    temporary = folder / f".checkpoint-{process_space()}-{os.getpid()}-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _delete_stale(folder)
        keep = _is_checkpoint(target) and name == "last"
        temporary.mkdir()
        write_file(temporary / "new", tensors, metadata)
        _replace(temporary / "new", target, previous=folder / _BEFORE if keep else None)
        with suppress(OSError):  # unsupported by some file systems
            flush(folder)
    except (OSError, DamagedError) as error:
        valid = [file for file in _FILES if _is_valid(folder / file)]
        message = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{target}: expected to write a checkpoint, got: {message}; valid checkpoints there: "
            f"{', '.join(valid) or 'none'}"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def read_checkpoint(folder: str | Path, name: Literal["last", "best"] = "last") -> Checkpoint | None:
    """Read a checkpoint, without unpickling; if ``last`` is damaged, warn and return the one before it.

    Parameters
    ----------
    folder : str or Path
        Folder of the checkpoints.
    name : "last" or "best"
        Which one.

    Returns
    -------
    Checkpoint or None
        None if there is none.

    Raises
    ------
    ResultError
        If all are damaged, or a file is not a checkpoint, or has another format.
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
                warnings.warn(
                    f"{folder}: expected a whole checkpoint, got a damaged {damaged[0]}; resuming from {file}",
                    stacklevel=2,
                )
            return Checkpoint(*content, path)
    if damaged:
        raise ResultError(f"{folder}: expected a whole checkpoint, got a damaged {' and a damaged '.join(damaged)}")
    return None


def forget_checkpoints(folder: str | Path) -> None:
    """Delete all checkpoints of a folder, and the folder if it is empty then.

    Raises
    ------
    DataError
        If they cannot be deleted.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            return
        for file in (_BEFORE, _BEST, _LAST):  # `last` at the end, in case the process is killed here
            with suppress(DataError):  # other files stay
                _is_checkpoint(folder / file)
                (folder / file).unlink(missing_ok=True)
        _delete_stale(folder, all_processes=True)
    except OSError as error:
        raise DataError(f"{folder}: expected checkpoints that can be deleted, got: {error.strerror}") from None
    with suppress(OSError):  # it is not empty
        folder.rmdir()


def _file_of(name: str) -> str:
    if name not in ("last", "best"):
        raise ParameterError(f"checkpoint: expected the name 'last' or 'best', got {name!r}")
    return f"{name}.safetensors"


def _replace(new: Path, target: Path, *, previous: Path | None) -> None:
    """Rename a new file to its target, so that `last` or `before` is complete at every moment."""
    if previous is None:
        new.replace(target)
        return
    link = new.with_name("previous")
    try:
        link.hardlink_to(target)
    except OSError:  # unsupported by some file systems
        target.replace(previous)
        new.replace(target)
    else:
        new.replace(target)
        link.replace(previous)


def _is_checkpoint(path: Path) -> bool:
    """Return whether a complete checkpoint exists, and refuse other files."""
    try:
        return looks_whole(path)
    except ResultError:
        raise DataError(f"{path}: expected a checkpoint or no file, got a file of another kind") from None


def _is_valid(path: Path) -> bool:
    try:
        return read_file(path) is not None
    except (DamagedError, ResultError):
        return False


def _delete_stale(folder: Path, *, all_processes: bool = False) -> None:
    """Delete the temporary folders of killed processes."""
    for path in folder.iterdir():
        found = _TEMPORARY.fullmatch(path.name)
        if found and (all_processes or _is_abandoned(path, space=found[1], process=int(found[2]))):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: Path, *, space: str, process: int) -> bool:
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > _ABANDONED_S:
            return True
    if space != process_space() or os.name != "posix":
        return False
    return process == os.getpid() or not is_alive(process)
