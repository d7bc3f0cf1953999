"""Defects of the pointer files at a path, session by session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img_repr.core.errors import DataError
from img_repr.domains.mouse.balabit import is_balabit, read_balabit
from img_repr.domains.mouse.defects import RULES
from img_repr.domains.mouse.sapimouse import is_sapimouse, read_sapimouse
from img_repr.domains.mouse.trace_csv import is_trace_csv, read_trace_csv
from img_repr.domains.mouse.trace_jsonl import is_trace_jsonl, read_trace_jsonl
from img_repr.domains.mouse.trace_strings import is_trace_strings, read_trace_strings


@dataclass(frozen=True)
class Defect:
    """One rule with findings in one session: its name, its description and the number of findings."""

    session: str
    rule: str
    says: str
    count: int


_READERS: Mapping[Callable[[Path], bool], Callable[..., Any]] = {
    is_balabit: read_balabit,
    is_sapimouse: read_sapimouse,
    is_trace_csv: read_trace_csv,
    is_trace_jsonl: read_trace_jsonl,
    is_trace_strings: read_trace_strings,
}


def describe_defects(path: str | Path, **options: Any) -> list[Defect]:
    r"""Count the defects of each session at a path, by the rules of ``img_repr.domains.mouse.defects``.

    On the command line, ``--load defects=session`` prints the same.

    Parameters
    ----------
    path : str or Path
        A file or folder that one of the domain's loaders recognizes.
    **options
        Options of its reader: ``users=``, ``protocol=``, ``time_unit=``.

    Returns
    -------
    list of Defect
        Session by session, rules in the order in which they are applied.

    Raises
    ------
    DataError
        If no loader of the domain recognizes the path, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.defect_report import describe_defects
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "session.csv")
    ...     _ = file.write_text("t_ms,x,y\n0,5,5\n16,65535,65535\n40,7,5\n40,8,5\n")
    ...     [(defect.rule, defect.count) for defect in describe_defects(file)]
    [('sentinel', 1), ('equal_time', 1)]
    """
    path = Path(path)
    for recognizes, read in _READERS.items():
        if recognizes(path):
            return [
                Defect(session.name, name, rule.says, session.defects[name])
                for session in read(path, **options)[0]
                for name, rule in RULES.items()
                if name in session.defects
            ]
    raise DataError(f"{path}: expected files of pointers that a loader recognizes, got none that fits")
