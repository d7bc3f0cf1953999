"""Text files of the UCR archive: a label, then the values, one series per line."""

from pathlib import Path

import numpy as np

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.csv_values import is_nameless
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.timeseries.assembly import (
    assemble,
    drop_padding,
    find_split_files,
    has_split_files,
    labels_of_files,
    split_column,
)
from img_repr.domains.timeseries.sample import TIMESERIES

SUFFIXES = (".tsv", ".txt", ".csv", "")
"""Of the archive of 2018, of its site, of copies, and of the archive of 2015."""


def _recognizes(path: Path) -> bool:
    # A folder of the archive's site holds its series in several formats; prefer .ts, which has the most information.
    return has_split_files(path, SUFFIXES) and not (path.is_dir() and has_split_files(path, (".ts",)))


@loader(TIMESERIES, recognizes=_recognizes)
def load_ucr(path: str | Path) -> Dataset:
    r"""Load a data set of the UCR archive from ``{Name}_TRAIN.tsv`` and ``{Name}_TEST.tsv``.

    Cells are separated by tabs, commas or blanks; the first is the label, as text (``"1"`` where
    the file has ``1.0000000e+00``).
    Missing values at the end of a line are the archive's padding of unequal lengths and are cut off; those
    inside stay NaN. The training part comes first, each part in the order of its file.

    Parameters
    ----------
    path : str or Path
        The folder, or either file; ``.tsv``, ``.txt``, ``.csv`` or no ending. The other part is taken with it
        if it is there; a part alone has no published split (``split`` is None, and a note says so).

    Returns
    -------
    Dataset
        ``samples`` float64 ``(N, T)``, or a list of ``(T,)`` where lengths differ.

    Raises
    ------
    DataError
        If a file is missing, empty or not text, or a line has another number of cells, no label, no value, or a
        cell that is not a number; the message names file, line and column.

    References
    ----------
    Dau et al. 2019, The UCR Time Series Archive, IEEE/CAA Journal of Automatica Sinica 6(6).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.timeseries.ucr_format import load_ucr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "Toy_TRAIN.tsv").write_text("1\t0.1\t0.2\n-1\t0.3\t0.4\n")
    ...     _ = Path(folder, "Toy_TEST.tsv").write_text("1\t0.5\t0.6\n")
    ...     data = load_ucr(folder)
    >>> data.samples.shape, data.labels.tolist(), data.split.tolist()
    ((3, 2), ['1', '-1', '1'], ['train', 'train', 'test'])
    """
    name, files = find_split_files(Path(path), SUFFIXES)
    series: list[np.ndarray] = []
    labels: list[list[str]] = []
    counts = {}
    for part, file in files.items():
        rows, classes = _read(file)
        series += rows
        labels.append(classes)
        counts[part] = len(rows)
    parts, notes = split_column(counts)
    return assemble(name, Path(path), series, labels=np.array(labels_of_files(labels)), split=parts, notes=notes)


def _read(file: Path) -> tuple[list[np.ndarray], list[str]]:
    table = read_csv_table(file, header=False)
    if table.width < 2:
        raise DataError(f"{table.where(0)}: expected a label and at least one value per line, got {table.width} cells")
    labels = table.cells(0)
    for row, label in enumerate(labels):
        if is_nameless(label):
            raise DataError(f"{table.where(row, 0)}: expected a label, got {label!r}")
    try:
        values = table.numbers(range(1, table.width))
    except DataError as error:
        said = str(error).partition("; drop=")[0]
        raise DataError(f"{said}; format='csv' (--format csv) reads tables with a header") from None
    series = [drop_padding(row) for row in values]
    for row, one in enumerate(series):
        if not len(one):
            raise DataError(f"{table.where(row)}: expected at least one value after the label, got only missing ones")
    return series, labels
