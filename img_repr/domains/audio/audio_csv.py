"""A table of recordings: paths and labels, with groups, splits and times where there are any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from img_repr.core.csv_table import Column, CsvTable, plain_name
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_table import find_path, peek_table, read_file_table
from img_repr.core.file_tree import is_file
from img_repr.core.loader import loader
from img_repr.domains.audio.assembly import assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_FILE = ("file", "path", "filename", "file_name", "filepath", "file_path", "audio", "wav", "clip", "recording")


def is_audio_csv(path: Path) -> bool:
    """Return whether a file is a table whose first row names a sound file that is there."""
    table = peek_table(path, _is_header)
    return table is not None and any(
        is_file(find_path(path.parent, table.rows[0][at].strip())) for at in _columns_of_files(table)
    )


def _is_header(cells: list[str]) -> bool:
    return not any(is_sound(Path(cell.strip())) for cell in cells)


def _columns_of_files(table: CsvTable) -> list[int]:
    return [at for at, cell in enumerate(table.rows[0][: table.width]) if is_sound(Path(cell.strip()))]


def _find_file(table: CsvTable) -> int:
    found = _columns_of_files(table)
    named = [at for at in found if plain_name(table.name(at)) in _FILE]
    if len(found) != 1 and len(named) != 1:
        raise DataError(
            f"{table.path}: expected one column of sound files, got {len(found)} in its first row; name it by file="
        )
    return (found if len(found) == 1 else named)[0]


@loader(AUDIO, recognizes=is_audio_csv)
def load_audio_csv(
    path: str | Path,
    *,
    file: Column | None = None,
    label: Column | None = None,
    group: Column | None = None,
    time: Column | None = None,
    id: Column | None = None,
    split: Column | None = None,
    drop: Column | Sequence[Column] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    folder: str | Path | None = None,
    **reading: Unpack[Reading],
) -> Dataset:
    r"""Load the recordings that a table names, one per row.

    Name columns by their title, or by number from 0. The others are found: the column of files by the endings in
    its first row; by the header, in any case of letters, ``label``, ``class``, ``category`` or ``target``; ``group``,
    ``speaker`` or another word for a person; ``split``, ``part``, ``fold`` or ``subset``; ``time``, ``timestamp``,
    ``datetime`` or ``date``. Without a header, the column after the files is the label.

    Parameters
    ----------
    path : str or Path
        Table in UTF-8, or in UTF-16 with a byte order mark.
    file : str or int, optional
        Column of files.
    label : str or int, optional
        Column of classes; they are text exactly as written.
    group : str or int, optional
        Column of the speaker, place or device of a recording; a split never cuts a group.
    time : str or int, optional
        Column of numbers or ISO dates, which become seconds.
    id : str or int, optional
        Column of names of the samples. Default: the files as the table writes them.
    split : str or int, optional
        Column of ``train``, ``validation`` and ``test``, or of names of folds; a validation split joins the training
        part, rows of an unlabeled split are dropped.
    drop : str, int or sequence of them, optional
        Columns to ignore.
    header : bool, optional
        Whether the first row names the columns. Default: it does if none of its cells names a sound file.
    delimiter : str, optional
        Separator of the cells. Default: the first of tab, semicolon, comma, bar in the first row, else blanks.
    folder : str or Path, optional
        Folder that relative paths start from. Default: the table's own folder.
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
    found = read_file_table(
        path,
        is_header=_is_header,
        find_file=_find_file,
        file=file,
        label=label,
        group=group,
        time=time,
        id=id,
        split=split,
        drop=drop,
        header=header,
        delimiter=delimiter,
        folder=folder,
    )
    return assemble(
        Path(path).stem,
        found.files,
        names=found.names,
        labels=found.labels,
        groups=found.groups,
        times=found.times,
        split=found.splits,
        notes=found.notes,
        **reading,
    )
