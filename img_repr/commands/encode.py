"""``img-repr encode`` and ``export``: write samples as images, and images in formats of other programs."""

import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img_repr.commands.export import KINDS, export_images
from img_repr.commands.guard import Stopped
from img_repr.commands.options import (
    ENCODERS_OF,
    LoadOptions,
    Settings,
    Size,
    Source,
    check_source,
    expand_options,
    read_dataset,
    read_settings,
    report_inferred_parameters,
)
from img_repr.console import counting_bar, say
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError

if TYPE_CHECKING:
    from img_repr.core.dataset import Dataset
    from img_repr.core.encoder import AbstractEncoder

_WORTH_WORKERS_S = 20.0  # of encoding in this process; starting workers costs some of it


@expand_options
def encode(
    data: Source,
    out: Annotated[Path, typer.Option(help="Folder for the images: new, or started by the same command.")],
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help=f"{ENCODERS_OF} image. Default: the domain's own.")
    ] = None,
    size: Size = 64,
    settings: Settings = None,
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    exports: Annotated[
        list[str] | None, typer.Option("--export", help=f"For other programs: {KINDS}; may be repeated.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes, of one thread each; 0: only this one. Default: one per core that memory allows, "
            f"if encoding takes more than {_WORTH_WORKERS_S:.0f} s.",
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS|local:N", help="Use the workers of a Dask cluster that sees the same folders."),
    ] = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Write only part I of N of the shards, on one of N machines.")
    ] = "1/1",
    keep_degenerate: Annotated[
        bool,
        typer.Option("--keep-degenerate", help="Encode samples without information too (constant series)."),
    ] = False,
) -> None:
    """Turn samples into images: shards of uint8 .npy with a manifest, and files for other programs if asked.

    To resume, run the same command again. Parts (--shard) may share a folder, or be copied into one: the last part, or
    the command without --shard, completes it.

    Example: img-repr encode gunpoint --encoder gadf --size 64 --out images --export png
    """
    options = load.read()
    check_source(data, load.format)
    from img_repr.benchmark.execution.shard import Shard
    from img_repr.core.bulk import write_shards
    from img_repr.core.exports import check_export
    from img_repr.core.naming import encoders_for, get_encoder
    from img_repr.core.shard_job import check_shard_folder, count_shards
    from img_repr.core.shards import read_manifest

    values = {"size": size, **read_settings(settings, "--set")}
    if encoder is not None:
        get_encoder(encoder, **values)  # errors come before the data are read
    for kind in exports or ():
        check_export(kind)
    mine = Shard.parse(shard)
    part = mine.number, mine.of
    check_shard_folder(out)
    dataset = read_dataset(data, options, load.format, lazy=True)
    chosen = encoders_for(dataset, encoder, **values)[0]
    report_inferred_parameters(data, dataset, values)
    if chosen.needs_fit:
        fitted_on = range(len(dataset)) if dataset.split is None else (dataset.split != "test").nonzero()[0]
        chosen = chosen.fit(dataset.take(fitted_on))
    total = len(range(part[0] - 1, len(dataset), part[1]))
    with _executor(workers, dask, chosen, dataset) as (executor, in_flight), counting_bar("encoding", total) as advance:
        try:
            folder = write_shards(
                chosen,
                dataset,
                out,
                executor=executor,
                in_flight=in_flight,
                part=part,
                keep_degenerate=keep_degenerate,
                on_images=advance,
            )
        except DegenerateSampleWarning as warning:
            raise SampleError(f"{warning}; --keep-degenerate encodes them anyway") from None
        except KeyboardInterrupt:
            done, of = count_shards(out)
            raise Stopped(f"stopped after {done} of {of} shards; the same command resumes there") from None
        done, of = count_shards(folder)
        if done < of:
            say(f"{done} of {of} shards are in {folder}; the other parts complete it")
            return
        export_images(folder, exports or [], executor)
    shape = " x ".join(map(str, read_manifest(folder)["shape"]))
    say(f"{len(dataset)} images of {dataset.name} by {chosen.name}, {shape}, in {folder}")


@contextmanager
def _executor(
    workers: int | None, dask: str | None, encoder: "AbstractEncoder", dataset: "Dataset"
) -> Iterator[tuple["Executor | None", int | None]]:
    """Yield the executor that encodes, None for this process, and the number of shards in flight."""
    from img_repr.core.executors import dask_workers, worker_processes
    from img_repr.core.machine import free_memory_gb, usable_cores

    if dask is not None:
        if workers is not None:
            raise ParameterError("encode: expected --workers or --dask, got both")
        with dask_workers(dask) as (cluster, threads):
            yield cluster, 2 * threads
        return
    if workers == 0 or (workers is None and _seconds(encoder, dataset) < _WORTH_WORKERS_S):
        yield None, None
        return
    free_gb = 0.9 * free_memory_gb()
    count = workers or min(usable_cores(), max(1, int(free_gb)))
    with worker_processes(count, memory_bytes=int(free_gb * 1e9 / count)) as pool:
        yield pool, 2 * count


def _seconds(encoder: "AbstractEncoder", dataset: "Dataset") -> float:
    """Estimate the seconds of encoding in this process from the first samples."""
    from img_repr.core.shards import images_at_once

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        image = encoder(dataset.take([0]), dtype="uint8")  # the very first call takes longer
        few = range(min(images_at_once(image.nbytes), len(dataset)))
        begun = time.perf_counter()
        encoder(dataset.take(few), dtype="uint8")
    return (time.perf_counter() - begun) * len(dataset) / len(few)
