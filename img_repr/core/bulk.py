"""Bulk encoding: a data set into a folder of shards, in this process or by many, killed and resumed at any moment.

Each shard is one task, some positions of the data set in a row: whoever runs it encodes batch by batch into a file
next to, renames that into the folder and notes its sha256. A later call goes on from the shards whose bytes are what
their notes say. The manifest comes last: a folder with one is whole, and no other passes for whole.
"""

import logging
import math
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from img_repr.core.atomic import process_space, work_folder
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, DegenerateSampleWarning, ImgReprError, ParameterError
from img_repr.core.executors import use_one_thread, wait_for_first
from img_repr.core.shard_job import WORK, ShardJob, clear, leave
from img_repr.core.shards import MANIFEST, images_at_once, read_shards, shard_name, stream, write_shard

log = logging.getLogger(__name__)
Note = dict[str, Any]
Tell = Callable[[int], None]


def write_shards(
    encoder: AbstractEncoder,
    dataset: Dataset,
    folder: str | Path,
    *,
    executor: Executor | None = None,
    in_flight: int | None = None,
    part: tuple[int, int] = (1, 1),
    per_shard: int | None = None,
    keep_degenerate: bool = True,
    on_images: Tell | None = None,
) -> Path:
    """Encode a data set into a folder of shards, or go on with one that was begun.

    The bytes are the same whoever encodes and however often it is interrupted. Memory is bounded by the tasks in
    flight, each of which holds the samples of a shard and a batch of images.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    dataset : Dataset
    folder : str or Path
        New, empty, or begun by the same job: the same encoder, data and size of shards.
    executor : concurrent.futures.Executor, optional
        Where shards are encoded: threads, processes (forked or spawned, of one thread each), Dask's
        ``client.get_executor()``; all must reach the folder by the same path. Default: here, one after the other.
    in_flight : int, optional
        How many shards are handed to the executor at a time. Default: twice the number of cores of this machine.
    part : (int, int)
        ``(i, n)``: write only the ``i``-th of ``n`` parts of the shards, for as many machines; ``i`` from 1. The
        folder is whole once the last part is there, whoever writes it. Folders of several machines merge by copying.
    per_shard : int, optional
        Images per shard. Default: the largest power of two of at most 4096 images, 64 MiB (of images, or of samples
        where they are larger) and a sixteenth of the data set, but of 64 images where the bytes allow.
    keep_degenerate : bool
        Whether samples whose image tells nothing are encoded, with a warning, or end the job.
    on_images : callable, optional
        Called with the number of images that have come since it was last called.

    Returns
    -------
    Path
        The folder: ``manifest.json``, ``samples.json`` with what is known of the samples, ``shard-00000.npy`` ...

    Raises
    ------
    DataError
        If the folder holds something else, images of another job for example, cannot be written, or has no room.
    ResultError
        If it is whole, but not every byte of it what its manifest says.
    ImgReprError
        If a worker process dies. What is finished stays, here and after an error in a sample.

    Examples
    --------
    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from pathlib import Path
    >>> from img_repr import get_encoder, load_dataset
    >>> from img_repr.core.bulk import write_shards
    >>> from img_repr.core.shards import read_shards
    >>> with tempfile.TemporaryDirectory() as room, ThreadPoolExecutor(2) as pool:
    ...     gadf = get_encoder("gadf", size=8)
    ...     folder = write_shards(gadf, load_dataset("gunpoint"), Path(room, "images"), executor=pool)
    ...     [shard.shape for shard in read_shards(folder)]
    [(64, 1, 8, 8), (64, 1, 8, 8), (64, 1, 8, 8), (8, 1, 8, 8)]
    """
    target = Path(folder)
    if not 1 <= part[0] <= part[1]:
        raise ParameterError(f"write_shards: expected part (i, n) with i from 1 to n, got {part}")
    made = not target.exists()
    job = ShardJob.of(encoder, dataset, target, per_shard)
    tell = on_images or _nobody
    if (target / MANIFEST).exists():
        read_shards(target, check=True)
        clear(target)
        tell(len(dataset))
        return target
    try:
        job.begin(target)
        strict, mine = not keep_degenerate, range(part[0] - 1, job.shards, part[1])
        found = ((number, job.find(target, number, strict=strict)) for number in mine)
        notes = {number: note for number, note in found if note is not None}
        if notes:
            log.info("%s: %d of %d shards are there already", target, len(notes), job.shards)
            tell(sum(note["images"] for note in notes.values()))
        _check_room(target, job, [number for number in mine if number not in notes])
        with work_folder(target / WORK) as work, warnings.catch_warnings():
            if strict:
                warnings.simplefilter("error", DegenerateSampleWarning)
            where = target.absolute(), work.absolute(), job
            tasks = (
                _Task(*where, number, encoder, dataset.take(job.positions(number)), strict)
                for number in mine
                if number not in notes
            )
            written = _each(tasks, tell) if executor is None else _by(executor, tasks, in_flight, tell)
            notes |= dict(written)
        job.finish(target, dataset, notes)
    except Exception as error:
        leave(target, made=made)
        if not (isinstance(error, FileNotFoundError) and (target / MANIFEST).exists()):  # else another did the same job
            raise
    clear(target)
    return target


def _check_room(target: Path, job: ShardJob, missing: list[int]) -> None:
    """Refuse to begin shards that the disk cannot hold."""
    needed = sum(len(job.positions(number)) for number in missing) * math.prod(job.shape)
    free = shutil.disk_usage(target).free
    if needed > free:
        raise DataError(
            f"{target}: expected a disk with room for {needed:,} bytes of images, got {free:,}; "
            "a smaller size= needs less"
        )


@dataclass(frozen=True)
class _Task:
    """One shard to be written, as it is sent to whoever writes it."""

    target: Path
    work: Path
    job: ShardJob
    number: int
    encoder: AbstractEncoder
    samples: Any
    strict: bool

    def run(self, tell: Tell) -> Note:
        """Write the shard batch by batch, under a name of its own until it is whole."""
        first = self.job.positions(self.number).start
        samples = Dataset(self.job.dataset, self.encoder.domain, self.samples)
        at_once = images_at_once(math.prod(self.job.shape))
        images = _counted(stream(self.encoder, samples, at_once=at_once, first=first), tell)
        temporary = self.work / f"{uuid4().hex}.npy"  # two may be at the same shard if one of them was thought dead
        sha256 = write_shard(temporary, images, len(samples), tuple(self.job.shape), first=first)
        temporary.replace(self.target / shard_name(self.number))
        return self.job.note(self.target, self.number, sha256, strict=self.strict)


def _each(tasks: Iterator[_Task], tell: Tell) -> Iterator[tuple[int, Note]]:
    for task in tasks:
        yield task.number, task.run(tell)


def _by(executor: Executor, tasks: Iterator[_Task], in_flight: int | None, tell: Tell) -> Iterator[tuple[int, Note]]:
    """Keep so many tasks in flight; after an error those in flight are waited for, and the first in order is told."""
    width = in_flight or 2 * (os.cpu_count() or 1)
    running: dict[Future[tuple[Note, list[tuple[type[Warning], str]]]], int] = {}
    errors: dict[int, BaseException] = {}
    try:
        while True:
            while not errors and len(running) < width and (task := next(tasks, None)) is not None:
                try:
                    running[executor.submit(_run_there, task, _here())] = task.number
                except BrokenExecutor as broken:
                    errors[task.number] = broken
            if not running:
                break
            try:
                finished = wait_for_first(running, executor)
            except BrokenExecutor as broken:
                errors[min(running.values())] = broken
                for future in running:
                    future.cancel()
                running.clear()  # nobody is left to end them
                break
            for future in finished:
                number = running.pop(future)
                if (error := future.exception()) is not None:
                    errors[number] = error
                    continue
                note, warned = future.result()
                for category, text in warned:
                    warnings.warn(text, category, stacklevel=4)
                tell(note["images"])
                yield number, note
    finally:  # after Ctrl-C too: what is at work takes no long time, and is kept
        for future in running:
            future.cancel()
        wait(running)
    if errors:
        first = errors[min(errors)]
        if isinstance(first, BrokenExecutor) or type(first).__name__ == "KilledWorker":  # the latter is Dask's
            raise ImgReprError(
                f"encoding: expected workers that live, got one that died, of too little memory perhaps ({first}); "
                "what is finished stays, and the same call goes on from there"
            ) from first
        raise first


def _run_there(task: _Task, caller: tuple[str, int]) -> tuple[Note, list[tuple[type[Warning], str]]]:
    """Run a task in another process or thread; a process sends what was warned of to the caller."""
    if caller == _here():
        return task.run(_nobody), []
    use_one_thread()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if task.strict:
            warnings.simplefilter("error", DegenerateSampleWarning)
        note = task.run(_nobody)
    return note, list(dict.fromkeys((one.category, str(one.message)) for one in caught))


def _here() -> tuple[str, int]:
    return process_space(), os.getpid()


def _counted(batches: Iterator[np.ndarray], tell: Tell) -> Iterator[np.ndarray]:
    for images in batches:
        yield images
        tell(len(images))


def _nobody(count: int) -> None:
    """Tell nobody."""
