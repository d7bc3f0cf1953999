"""Bulk encoding: write a data set as a folder of shards, in one process or many; it can be interrupted and resumed.

Each shard is one task over consecutive samples. The task encodes batch by batch into a temporary file, renames it into
the folder and notes its sha256. A later call keeps the shards whose bytes match their notes. The manifest is written
last: a folder is complete if and only if it has one.
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
Progress = Callable[[int], None]


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
    on_images: Progress | None = None,
) -> Path:
    """Encode a data set into a folder of shards, or resume an interrupted run.

    No scheduler is needed; the output is byte-identical however it is run or interrupted. Memory is bounded by the
    tasks in flight, each of which holds the samples of a shard and a batch of images.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    dataset : Dataset
    folder : str or Path
        New, empty, or of the same job: the same encoder, data and size of shards.
    executor : concurrent.futures.Executor, optional
        Threads, processes (forked or spawned, of one thread each) or Dask's ``client.get_executor()``; all must reach
        the folder by the same path. Default: this process, one shard after the other.
    in_flight : int, optional
        Number of shards handed to the executor at a time. Default: twice the number of cores of this machine.
    part : (int, int)
        ``(i, n)``: write only the ``i``-th of ``n`` parts of the shards, for ``n`` machines; ``i`` from 1. The folder
        is complete once the last part is written. To merge folders of several machines, copy them into one.
    per_shard : int, optional
        Images per shard. Default: the largest power of two of at most 4096 images, 64 MiB (of images, or of samples
        where they are larger) and a sixteenth of the data set, but of 64 images where the bytes allow.
    keep_degenerate : bool
        Whether samples whose image has no information are encoded, with a warning, or end the job.
    on_images : callable, optional
        Called with the number of images written since the last call.

    Returns
    -------
    Path
        The folder: ``manifest.json``, ``samples.json`` with the columns of the data set, ``shard-00000.npy`` ...

    Raises
    ------
    DataError
        If the folder has other content, images of another job for example, cannot be written, or the disk is full.
    ResultError
        If it is complete, but its bytes do not match its manifest.
    ImgReprError
        If a worker process dies. Finished shards are kept, here and after an error in a sample.

    Examples
    --------
    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from pathlib import Path
    >>> from img_repr import get_encoder, load_dataset
    >>> from img_repr.core.bulk import write_shards
    >>> from img_repr.core.shards import read_shards
    >>> with tempfile.TemporaryDirectory() as parent, ThreadPoolExecutor(2) as pool:
    ...     gadf = get_encoder("gadf", size=8)
    ...     folder = write_shards(gadf, load_dataset("gunpoint"), Path(parent, "images"), executor=pool)
    ...     [shard.shape for shard in read_shards(folder)]
    [(64, 1, 8, 8), (64, 1, 8, 8), (64, 1, 8, 8), (8, 1, 8, 8)]
    """
    target = Path(folder)
    if not 1 <= part[0] <= part[1]:
        raise ParameterError(f"write_shards: expected part (i, n) with i from 1 to n, got {part}")
    made = not target.exists()
    job = ShardJob.of(encoder, dataset, target, per_shard)
    report = on_images or _ignore
    if (target / MANIFEST).exists():
        read_shards(target, check=True)
        clear(target)
        report(len(dataset))
        return target
    try:
        job.begin(target)
        strict, mine = not keep_degenerate, range(part[0] - 1, job.shards, part[1])
        found = ((number, job.find(target, number, strict=strict)) for number in mine)
        notes = {number: note for number, note in found if note is not None}
        if notes:
            log.info("%s: %d of %d shards are there already", target, len(notes), job.shards)
            report(sum(note["images"] for note in notes.values()))
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
            written = _run_here(tasks, report) if executor is None else _run_by(executor, tasks, in_flight, report)
            notes |= dict(written)
        job.finish(target, dataset, notes)
    except Exception as error:
        leave(target, made=made)
        if not (isinstance(error, FileNotFoundError) and (target / MANIFEST).exists()):  # else another did the same job
            raise
    clear(target)
    return target


def _check_room(target: Path, job: ShardJob, missing: list[int]) -> None:
    """Refuse shards for which the disk has no room."""
    needed = sum(len(job.positions(number)) for number in missing) * math.prod(job.shape)
    free = shutil.disk_usage(target).free
    if needed > free:
        raise DataError(
            f"{target}: expected a disk with room for {needed:,} bytes of images, got {free:,}; "
            "a smaller size= needs less"
        )


@dataclass(frozen=True)
class _Task:
    """One shard to write, as it is sent to a worker."""

    target: Path
    work: Path
    job: ShardJob
    number: int
    encoder: AbstractEncoder
    samples: Any
    strict: bool

    def run(self, report: Progress) -> Note:
        """Write the shard batch by batch, under a temporary name until it is complete."""
        first = self.job.positions(self.number).start
        samples = Dataset(self.job.dataset, self.encoder.domain, self.samples)
        at_once = images_at_once(math.prod(self.job.shape))
        images = _counted(stream(self.encoder, samples, at_once=at_once, first=first), report)
        temporary = self.work / f"{uuid4().hex}.npy"  # two workers may write the same shard if one of them seemed dead
        sha256 = write_shard(temporary, images, len(samples), tuple(self.job.shape), first=first)
        temporary.replace(self.target / shard_name(self.number))
        return self.job.note(self.target, self.number, sha256, strict=self.strict)


def _run_here(tasks: Iterator[_Task], report: Progress) -> Iterator[tuple[int, Note]]:
    for task in tasks:
        yield task.number, task.run(report)


def _run_by(
    executor: Executor, tasks: Iterator[_Task], in_flight: int | None, report: Progress
) -> Iterator[tuple[int, Note]]:
    """Keep ``in_flight`` tasks running; after an error wait for the running tasks, then raise the first error."""
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
                running.clear()  # no process is left to end them
                break
            for future in finished:
                number = running.pop(future)
                if (error := future.exception()) is not None:
                    errors[number] = error
                    continue
                note, warned = future.result()
                for category, text in warned:
                    warnings.warn(text, category, stacklevel=4)
                report(note["images"])
                yield number, note
    finally:  # after Ctrl-C too: running tasks take little time, and their shards are kept
        for future in running:
            future.cancel()
        wait(running)
    if errors:
        first = errors[min(errors)]
        if isinstance(first, BrokenExecutor) or type(first).__name__ == "KilledWorker":  # the latter is Dask's
            raise ImgReprError(
                f"encoding: expected workers that live, got one that died, of too little memory perhaps ({first}); "
                "finished shards are kept, and the same call resumes from there"
            ) from first
        raise first


def _run_there(task: _Task, caller: tuple[str, int]) -> tuple[Note, list[tuple[type[Warning], str]]]:
    """Run a task in another process or thread; a process sends its warnings to the caller."""
    if caller == _here():
        return task.run(_ignore), []
    use_one_thread()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if task.strict:
            warnings.simplefilter("error", DegenerateSampleWarning)
        note = task.run(_ignore)
    return note, list(dict.fromkeys((one.category, str(one.message)) for one in caught))


def _here() -> tuple[str, int]:
    return process_space(), os.getpid()


def _counted(batches: Iterator[np.ndarray], report: Progress) -> Iterator[np.ndarray]:
    for images in batches:
        yield images
        report(len(images))


def _ignore(count: int) -> None:
    """Report nothing."""
