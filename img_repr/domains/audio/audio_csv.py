"""A table of recordings: paths and labels, with groups, folds and times where there are any."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.audio.assembly import as_parts, assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_LABEL = ("label", "class", "category", "target")
_GROUP = ("group", "speaker", "speaker_id")
_FOLD = ("fold", "split", "part")
_TIME = ("time", "timestamp", "datetime", "date")

Column = str | int


@dataclass(frozen=True)
class _Table:
    """Rows of text; ``header`` is None where the first row names a sound file already."""

    path: Path
    header: list[str] | None
    rows: list[list[str]]

    @classmethod
    def parse(cls, path: Path, lines: Sequence[str]) -> "_Table":
        first = next((line for line in lines if line.strip()), "")
        mark = next((mark for mark in "\t;,|" if mark in first), ",")
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark) if any(row)]
        if rows and not any(is_sound(Path(cell)) for cell in rows[0]):
            return cls(path, rows[0], rows[1:])
        return cls(path, None, rows)

    @property
    def width(self) -> int:
        return len(self.header or self.rows[0])

    def files(self) -> list[int]:
        """Find the columns that name sound files in the first row."""
        return [at for at, cell in enumerate(self.rows[0][: self.width]) if is_sound(Path(cell))] if self.rows else []

    def find(self, asked: Column | None, usual: tuple[str, ...], role: str) -> int | None:
        """Find a column by name or number, or by its usual names."""
        names = self.header or []
        if asked is None:
            found = [at for at, name in enumerate(names) if name.lower() in usual]
            if len(found) > 1:
                titles = " and ".join(names[at] for at in found)
                raise DataError(f"{self.path}: expected one column of {role}, got {titles}; say which by {role}=")
            return found[0] if found else None
        if asked in names:
            return names.index(str(asked))
        if isinstance(asked, int) and -self.width <= asked < self.width:
            return asked % self.width
        known = ", ".join(names) or f"no header and {self.width} columns"
        raise DataError(f"{self.path}: expected a column {asked!r} for {role}=, got {known}")

    def column(self, at: int | None, role: str) -> list[str] | None:
        """Cells of a column, none of which may be empty."""
        if at is None:
            return None
        for number, row in enumerate(self.rows, start=1 if self.header is None else 2):
            if len(row) <= at or not row[at]:
                raise DataError(f"{self.path} row {number}: expected a {role}, got an empty cell")
        return [row[at] for row in self.rows]


def is_audio_csv(path: Path) -> bool:
    """Whether a file is a table whose first row names a sound file that is there."""
    try:
        if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
            return False
        with path.open("rb") as file:
            lines = file.read(65536).decode("utf-8-sig", errors="replace").splitlines()[:3]
        table = _Table.parse(path, lines)
        return any((path.parent / table.rows[0][at]).is_file() for at in table.files())
    except (OSError, ValueError, csv.Error):
        return False


@loader(AUDIO, recognises=is_audio_csv)
def load_audio_csv(
    path: str | Path,
    *,
    file: Column | None = None,
    label: Column | None = None,
    group: Column | None = None,
    fold: Column | None = None,
    time: Column | None = None,
    folder: str | Path | None = None,
    **reading: Unpack[Reading],
) -> Dataset:
    r"""Load the recordings that a table names, one per row.

    Columns are given by name, or by number from 0. What is not given is found: the column of files by the endings in
    its first row; by the header, in any case of letters, ``label``, ``class``, ``category`` or ``target``; ``group``,
    ``speaker`` or ``speaker_id``; ``fold``, ``split`` or ``part``; ``time``, ``timestamp``, ``datetime`` or ``date``.
    Without a header, the other of two columns is the label.

    Parameters
    ----------
    path : str or Path
        Table in UTF-8, cells separated by tabs, semicolons, commas or bars.
    file, label, group, fold, time : str or int, optional
        Columns. Folds are ``train`` and ``test`` (one for validation joins the training part), or names. Times are
        numbers or ISO dates, which become seconds.
    folder : str or Path, optional
        Where relative paths start. Default: the table's own folder.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        In the order of the rows.

    Raises
    ------
    DataError
        If the table cannot be read, has no such column, an empty cell or a file twice, or a recording cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.audio_csv import load_audio_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.wav", "b.flac"):
    ...         soundfile.write(Path(folder, name), np.zeros(800), 8000)
    ...     _ = Path(folder, "all.csv").write_text("clip,class,owner\na.wav,bark,rex\nb.flac,purr,tom\n")
    ...     data = load_audio_csv(Path(folder, "all.csv"), group="owner")
    >>> data.labels.tolist(), data.groups.tolist()
    (['bark', 'purr'], ['rex', 'tom'])
    """
    path = Path(path)
    table = _read(path)
    place = table.find(file, (), "file")
    if place is None:
        candidates = table.files()
        if len(candidates) != 1:
            raise DataError(
                f"{path}: expected one column of sound files, got {len(candidates)} in its first row; name it by file="
            )
        place = candidates[0]
    classes = table.find(label, _LABEL, "label")
    if classes is None and table.header is None and table.width == 2:
        classes = 1 - place
    names = table.column(place, "file") or []
    files = [(Path(folder) if folder is not None else path.parent) / name for name in names]
    twice = next((name for name in names if names.count(name) > 1), None) if len({*names}) < len(names) else None
    if twice is not None:
        raise DataError(f"{path}: expected each sound file once, got {twice} twice")
    folds = table.column(table.find(fold, _FOLD, "fold"), "fold")
    parts, notes = (None, ()) if folds is None else as_parts(folds)
    times = table.column(table.find(time, _TIME, "time"), "time")
    return assemble(
        path.stem,
        files,
        labels=table.column(classes, "label"),
        groups=table.column(table.find(group, _GROUP, "group"), "group"),
        times=None if times is None else [_parse_time(path, cell) for cell in times],
        parts=parts,
        notes=notes,
        **reading,
    )


def _read(path: Path) -> _Table:
    try:
        table = _Table.parse(path, path.read_text("utf-8-sig").splitlines())
    except OSError as error:
        raise DataError(f"{path}: expected a table that can be read, got: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of text in UTF-8, got: {error}") from None
    if not table.rows:
        raise DataError(f"{path}: expected at least one row that names a sound file, got none")
    return table


def _parse_time(path: Path, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise DataError(f"{path}: expected times to be numbers or ISO dates, got {cell!r:.40}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
