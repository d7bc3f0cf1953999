"""``img-repr bench status``: how far a sweep is."""

from typing import Annotated

import typer

from img_repr.commands.csv_output import write_stdout
from img_repr.commands.options import Runs, check_written
from img_repr.console import print_table, say
from img_repr.core.errors import ResultError

_HEADS = ("data set", "contender", "runs", "done", "failed", "missing", "errors")


def status(
    runs: Runs, as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for a program.")] = False
) -> None:
    """Show what is done, failed, running and missing, and which records cannot be used.

    Example: img-repr bench status runs/demo
    """
    check_written(runs, "bench")
    import json
    from dataclasses import asdict

    from img_repr.benchmark.execution.status import read_status

    found = read_status(runs)
    if not (found.counts or found.left_out or found.running):
        raise ResultError(f"{runs}: expected a folder that `img-repr bench` wrote, got one without a plan or a record")
    if as_json:
        counts = [{**asdict(one), "missing": one.missing} for one in found.counts]
        write_stdout(json.dumps({**asdict(found), "counts": counts}).encode() + b"\n")
        return
    rows = []
    for one in found.counts:
        errors = ", ".join(f"{name}: {many}" for name, many in one.failed.items())
        rows.append((one.dataset, one.contender, *one.numbers, errors))
    print_table(f"runs in {runs}", _HEADS, rows)
    for run in found.running:
        place = f"split {run['split_number']}, seed {run['seed']}"
        say(f"running since {run['started']}: {run['contender']} on {run['dataset']}, {place}")
    for line in found.left_out:
        say(f"left out: {line}")
    if found.unplanned:
        say(f"{found.unplanned} records that no plan asks for")
    numbers = [sum(column) for column in zip(*(map(int, one.numbers) for one in found.counts), strict=True)]
    say("{} runs: {} done, {} failed, {} missing".format(*numbers or [0] * 4))
