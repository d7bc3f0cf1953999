"""One bulk job in a process of its own, which can be killed: data, folder and workers in, what it took out.

``python bulk_job.py series|clips COUNT SOUNDS FOLDER WORKERS``; WORKERS: a number, ``0`` for this process, or ``loop``:
a plain loop over the batches, into one file.
"""

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import psutil

from img_repr.core.bulk import write_shards
from img_repr.core.dataset import Dataset
from img_repr.core.executors import worker_processes
from img_repr.core.loader import load_dataset
from img_repr.core.naming import encoders_for
from img_repr.core.shards import stream
from img_repr.domains.timeseries.sample import TIMESERIES, make_series


def read(kind: str, count: int, sounds: str) -> Dataset:
    if kind == "series":
        return Dataset("series", TIMESERIES, make_series(count, length=128))
    return load_dataset(sounds, lazy=True)


def peaks_mb() -> dict[int, float]:
    """High-water mark of the resident memory of this process and those below it, by number."""
    found = {}
    for one in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            status = Path(f"/proc/{one.pid}/status").read_text()
            found[one.pid] = int(status.split("VmHWM:")[1].split()[0]) / 1024
        except (OSError, IndexError):
            continue
    return found


def processor_s() -> dict[int, float]:
    """Seconds of processor that this process and those below it took, by number."""
    processes = (psutil.Process(), *psutil.Process().children(recursive=True))
    return {one.pid: one.cpu_times().user + one.cpu_times().system for one in processes}


def main(kind: str, count: str, sounds: str, folder: str, workers: str) -> None:
    data = read(kind, int(count), sounds)
    (encoder,) = encoders_for(data, size=64)
    encoder = encoder.fit(data.samples)
    encoder(data.take(range(64)), dtype="uint8")
    begun = time.perf_counter()
    with worker_processes(int(workers)) if workers.isdecimal() and int(workers) else nullcontext() as pool:
        if pool is not None:
            list(pool.map(time.sleep, [0.5] * int(workers)))
        start_s, done, marks = time.perf_counter() - begun, 0, {}

        def tell(images: int) -> None:
            nonlocal done
            done += images
            if done >= len(data) / 10 and 10 not in marks:
                marks[10] = peaks_mb()

        Path("/proc/self/clear_refs").write_text("5")  # what making the data took does not count
        before, begun = processor_s(), time.perf_counter()
        if workers == "loop":
            with Path(folder).open("wb") as file:
                for images in stream(encoder, data):
                    file.write(images.data)
                    tell(len(images))
        else:
            write_shards(encoder, data, folder, executor=pool, in_flight=2 * max(1, int(workers)), on_images=tell)
        took_s = time.perf_counter() - begun
        after = processor_s()
        marks[100] = peaks_mb()
    grown = max(marks[100][process] - peak for process, peak in marks[10].items() if process in marks[100])
    spent = {process: seconds - before.get(process, 0.0) for process, seconds in after.items()}
    print(
        json.dumps(
            {
                "per_s": len(data) / took_s,
                "per_processor_s": len(data) / sum(spent.values()),
                "share_of_parent": spent[psutil.Process().pid] / sum(spent.values()),
                "start_s": start_s,
                "peak_10_mb": max(marks[10].values()),
                "peak_100_mb": max(marks[100].values()),
                "grown_mb": grown,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
