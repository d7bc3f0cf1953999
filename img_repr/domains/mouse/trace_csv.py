"""Tables of events with named columns: one file, or a folder with one folder of files per user (such as DFL)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Unpack

from img_repr.core.class_folders import read_class_folders
from img_repr.core.csv_table import SUFFIXES, Column
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import list_files
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.balabit import is_balabit
from img_repr.domains.mouse.column_roles import Columns
from img_repr.domains.mouse.event_file import EventFile
from img_repr.domains.mouse.event_table import TableOptions, is_event_table, read_event_table
from img_repr.domains.mouse.event_words import EventOption, parse_event_option
from img_repr.domains.mouse.reading import reading_notes
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.sapimouse import is_sapimouse
from img_repr.domains.mouse.session import Session, sessions_of

_SUFFIXES = (*SUFFIXES, "")


def is_trace_csv(path: Path) -> bool:
    """Whether a file is a table with columns of time, x and y, or most of the first tables of a folder are."""
    if not path.is_dir():
        return path.suffix.lower() in _SUFFIXES and is_event_table(path)
    if is_balabit(path) or is_sapimouse(path):
        return False
    tables = [file for file in list_files(path, at_most=64).files if file.suffix.lower() in _SUFFIXES][:16]
    return 2 * sum(map(is_event_table, tables)) > len(tables)


@loader(MOUSE, recognizes=is_trace_csv)
def load_trace_csv(
    path: str | Path,
    *,
    time: Column | None = None,
    x: Column | None = None,
    y: Column | None = None,
    button: Column | None = None,
    state: Column | None = None,
    user: Column | None = None,
    session: Column | None = None,
    label: Column | None = None,
    group: Column | None = None,
    id: Column | None = None,
    split: Column | None = None,
    drop: Column | Sequence[Column] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    events: EventOption | None = None,
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    skip_unreadable: bool = False,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load pointer events from tables whose header names the columns.

    Columns are found by the words in their names: ``timestamp``, ``t_ms``, ``Time [s]``; ``x`` and ``y``, ``clientX``,
    ``mouse_x``, ``X position (px)``; ``button``; ``state``, ``event``, ``type``, ``action``, and ``pressed`` next to
    them; ``user``, ``subject``, ``participant``, ``label``; ``session``, ``group``, ``trial``; ``id``; ``split``.
    Words of events are those of Balabit (``Move``, ``Pressed``), browsers (``mousedown``), pynput (``on_click``) and
    similar ones. A row whose cells hold lists (``mouse.x`` of PsychoPy) or a whole trace (jsPsych) is a sample.

    Parameters
    ----------
    path : str or Path
        A table (``.csv``, ``.tsv``, ``.txt`` in any case, or without a suffix), or a folder of them. In a folder,
        subfolders are users or classes, by the rules of :func:`img_repr.core.class_folders.read_class_folders`.
    time, x, y, button, state, user, session : str or int, optional
        Columns by name, or by number from 0. Without a column of sessions a file is one session of each user in it.
    label, group : str or int, optional
        Synonyms of ``user`` and ``session``, for consistency with other tables.
    id : str or int, optional
        Column whose changes cut a session into continuous pieces; without a column of sessions, a session each.
    split : str or int, optional
        Column of training and test parts.
    drop : str, int or sequence of these, optional
        Columns to ignore.
    header : bool, optional
        Whether the first row names the columns. Default: it does unless it holds numbers.
    delimiter : str, optional
        Default: the first of tab, semicolon, comma and bar in the header, else blanks.
    events : str or mapping of str to str, optional
        Meanings of unknown event words, ``"512=move,513=press"``, or ``"ignore"``: all rows are moves.
    time_unit : {"s", "ms", "us", "ns"}, optional
        Default: from the name of the column (``t_ms``), else guessed, with a note.
    skip_unreadable : bool
        Whether a damaged file of a folder is left out and named in a note, instead of being an error.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`.

    Returns
    -------
    Dataset
        ``labels`` users, or None if no column or folder names them; ``groups`` sessions.

    Raises
    ------
    DataError
        If a file cannot be read, or lacks a column; the message names the line.
    ParameterError
        If an option has an invalid value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.trace_csv import load_trace_csv
    >>> rows = "".join(f"{16 * i},{i},{2 * i},{'ada' if i < 5 else 'bob'}\n" for i in range(10))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "all.csv")
    ...     _ = file.write_text("timestamp,X,Y,user\n" + rows)
    ...     data = load_trace_csv(file)
    >>> data.labels.tolist(), data.samples[0].t_s.tolist()
    (['ada', 'bob'], [0.0, 0.016, 0.032, 0.048, 0.064])
    """
    columns = Columns(time=time, x=x, y=y, button=button, state=state, user=user, session=session, label=label,
                      group=group, id=id, split=split, drop=drop)  # fmt: skip
    options = TableOptions(columns, parse_event_option(events, "trace_csv"), header, delimiter)
    sessions, notes = read_trace_csv(Path(path), options, time_unit=time_unit, skip_unreadable=skip_unreadable)
    position = Path(path).resolve()
    return assemble(position.name if position.is_dir() else position.stem, sessions, notes=notes, **cutting)


def read_trace_csv(
    path: Path,
    options: TableOptions | None = None,
    *,
    time_unit: str | None = None,
    skip_unreadable: bool = False,
) -> tuple[list[Session], tuple[str, ...]]:
    """Return the sessions and notes; parameters as in :func:`load_trace_csv`."""
    options = options or TableOptions()
    if not path.is_dir():
        table = read_event_table(path, options)
        sessions, said = sessions_of(
            [table], names=[path.stem], users=[None], splits=[None], unit=time_unit, caller="trace_csv"
        )
        return sessions, (*reading_notes([], 1, int(not table.knows_buttons)), *said)
    found = read_class_folders(
        path,
        lambda file: file.suffix.lower() in _SUFFIXES and (is_event_table(file, options) or _is_closed(file)),
        caller="trace_csv",
        kind="tables of a pointer's events",
        skip_unreadable=skip_unreadable,
    )
    files: list[EventFile] = []
    skipped: list[str] = []
    kept: list[int] = []
    for number, file in enumerate(found.files):
        try:
            files.append(read_event_table(file, options))
            kept.append(number)
        except DataError as error:
            if not skip_unreadable:
                raise
            skipped.append(str(error))
    if not files:
        raise DataError(f"{path}: expected at least one file that can be read, got none; the first: {skipped[0]}")
    names = [name[: len(name) - len(Path(name).suffix)] for name in found.names]
    if len({*names}) < len(names):  # two files that differ in their endings
        names = found.names
    by_folder = found.labels is not None and options.columns.get("user", options.columns.get("label")) is None
    sessions, said = sessions_of(
        files,
        names=[names[number] for number in kept],
        users=[found.labels[number] if by_folder and found.labels else None for number in kept],
        splits=[found.splits[number] if found.splits else None for number in kept],
        unit=time_unit,
        caller="trace_csv",
    )
    silent = sum(not file.knows_buttons for file in files)
    return sessions, (*found.notes, *reading_notes(skipped, len(found.files), silent), *said)


def _is_closed(file: Path) -> bool:
    """Whether a table cannot be opened; the error on reading it says why."""
    return file.suffix != "" and not os.access(file, os.R_OK)
