"""Exports of encoded images for other programs: PNG files in class folders, Parquet, WebDataset.

One channel becomes gray, three become red, green and blue, any other number lies side by side. Each shard becomes one
file (of PNG: files), in the order of the samples, a batch of images in memory at a time.
"""

import importlib
import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.array_file import read_array
from img_repr.core.atomic import work_folder
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_name import file_name, printable
from img_repr.core.shards import check_shard, read_columns, read_manifest, read_shards

KINDS = ("png", "parquet", "webdataset")
_AT_ONCE = 256  # rows of a group in Parquet
_WORDS = {"labels": "label", "groups": "group", "times": "time", "split": "split", "names": "name"}  # of one sample


def export(folder: str | Path, kind: str, *, executor: Executor | None = None) -> Path:
    """Export the images of a folder of shards for other programs, into a folder within it.

    - ``png``: a folder per label (``png/cat/000000.png``), for viewing and for loaders of image folders.
    - ``parquet``: columns ``image`` (``{bytes, path}``, the bytes a PNG, as Hugging Face's ``datasets`` has it),
      ``label`` and the other columns: ``group``, ``name``, ``split`` ...
    - ``webdataset``: tar files of ``000000.png``, ``000000.cls`` (position of the label among the sorted ones) and
      ``000000.json`` (all columns).

    The export is written atomically; one that exists is complete and is kept.

    Parameters
    ----------
    folder : str or Path
        Complete: with a manifest.
    kind : {"png", "parquet", "webdataset"}
    executor : concurrent.futures.Executor, optional
        Runs one task per shard. Default: this process.

    Returns
    -------
    Path
        ``folder/kind``.

    Raises
    ------
    ParameterError
        If there is no such kind, or a package that it needs is missing.
    ResultError
        If the folder is not one of encoded images, or a byte of it is not what its manifest states.
    DataError
        If the files cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr import get_encoder, load_dataset
    >>> from img_repr.core.bulk import write_shards
    >>> from img_repr.core.exports import export
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = write_shards(get_encoder("gadf", size=8), load_dataset("gunpoint"), Path(parent, "images"))
    ...     images = export(folder, "png")
    ...     [(kind.name, len(list(kind.iterdir()))) for kind in sorted(images.iterdir())]
    [('1', 100), ('2', 100)]
    """
    check_export(kind)
    path = Path(folder)
    manifest = read_manifest(path)
    columns = {_WORDS.get(word, word): column for word, column in read_columns(path).items()}
    read_shards(path)  # all must exist before anything is written; the bytes of each are checked in its task
    place = path / kind
    if place.exists():
        return place
    try:
        with work_folder(path) as work:
            (work / kind).mkdir()
            tasks = _tasks(path.absolute(), work.absolute() / kind, kind, manifest, columns)
            if executor is None:
                for task in tasks:
                    task.run()
            else:
                _run_by(executor, tasks)
            try:
                (work / kind).rename(place)
            except OSError:
                if not place.is_dir():  # else another process was first, with the same images
                    raise
    except OSError as error:
        raise DataError(f"{place}: expected a folder that can be written, got: {error.strerror or error}") from None
    return place


def check_export(kind: str) -> None:
    """Refuse an unknown kind of export, or one whose package is missing."""
    if kind not in KINDS:
        raise ParameterError(f"export: expected one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "parquet":
        try:
            importlib.import_module("pyarrow.parquet")
        except ImportError:
            raise ParameterError(
                "parquet: expected the package pyarrow, which comes with pip install 'img-repr[exports]', got none"
            ) from None


def as_image(image: np.ndarray) -> np.ndarray:
    """Convert ``(C, H, W)`` to an image for viewers: ``(H, W)`` gray, ``(H, W, 3)`` color, or channels side by side."""
    if len(image) == 1:
        return np.ascontiguousarray(image[0])
    if len(image) == 3:
        return np.ascontiguousarray(image.transpose(1, 2, 0))
    return np.concatenate(list(image), axis=1)


@dataclass(frozen=True)
class _Part:
    """A shard to export, with the columns of its samples."""

    file: Path
    sha256: str
    target: Path
    kind: str
    name: str  # of the file to be made
    keys: range
    digits: int
    columns: dict[str, list[Any]]
    places: dict[str, Any]  # of each label: its folder, or its position among the sorted ones

    def run(self) -> None:
        """Check the bytes of the shard and write it."""
        check_shard(self.file, self.sha256)
        {"png": self._png, "parquet": self._parquet, "webdataset": self._webdataset}[self.kind]()

    def _images(self) -> Iterator[tuple[str, bytes]]:
        from PIL import Image

        for key, image in zip(self.keys, read_array(self.file, mapped=True), strict=True):
            content = io.BytesIO()
            Image.fromarray(as_image(image)).save(content, "png")
            yield f"{key:0{self.digits}d}", content.getvalue()

    def _labels(self) -> list[Any]:
        return self.columns.get("label", [""] * len(self.keys))

    def _png(self) -> None:
        for label, (key, content) in zip(self._labels(), self._images(), strict=True):
            place = self.target / self.places.get(label, "")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{key}.png").write_bytes(content)

    def _parquet(self) -> None:
        pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        schema = _schema(pyarrow, self.columns)
        with parquet.ParquetWriter(self.target / f"{self.name}.parquet", schema) as file:
            pil_images = self._images()
            for start in range(0, len(self.keys), _AT_ONCE):
                images = [{"bytes": content, "path": f"{key}.png"} for key, content in islice(pil_images, _AT_ONCE)]
                known = {
                    word: list(map(_as_text, column[start : start + _AT_ONCE])) for word, column in self.columns.items()
                }
                file.write_table(pyarrow.table({"image": images} | known, schema=schema))

    def _webdataset(self) -> None:
        with tarfile.open(self.target / f"{self.name}.tar", "w", format=tarfile.USTAR_FORMAT) as file:
            for row, (key, content) in enumerate(self._images()):
                known = {word: column[row] for word, column in self.columns.items()}
                files = {
                    "png": content,
                    "json": json.dumps(known, ensure_ascii=False).encode("utf-8", "backslashreplace"),
                }
                if "label" in known:
                    files["cls"] = str(self.places[known["label"]]).encode()
                for suffix, data in sorted(files.items()):
                    head = tarfile.TarInfo(f"{key}.{suffix}")
                    head.size = len(data)
                    file.addfile(head, io.BytesIO(data))


def _run_by(executor: Executor, tasks: Iterator[_Part]) -> None:
    running = [executor.submit(_Part.run, task) for task in tasks]
    try:
        for future in running:
            future.result()
    finally:
        for future in running:
            future.cancel()
        wait(running)  # no task may write into a folder that is removed


def _tasks(
    path: Path, target: Path, kind: str, manifest: dict[str, Any], columns: dict[str, list[Any]]
) -> Iterator[_Part]:
    labels = columns.get("label", [])
    if kind == "png":
        places: dict[str, Any] = _folder_names(labels)
    else:
        places = {label: number for number, label in enumerate(sorted(set(labels)))}
    digits, first = max(6, len(str(manifest["images"] - 1))), 0
    for number, entry in enumerate(manifest["shards"]):
        keys = range(first, first + entry["images"])
        name = f"images-{number:05d}-of-{len(manifest['shards']):05d}" if kind == "parquet" else f"images-{number:06d}"
        known = {word: column[keys.start : keys.stop] for word, column in columns.items()}
        yield _Part(path / entry["file"], entry["sha256"], target, kind, name, keys, digits, known, places)
        first = keys.stop


def _schema(pyarrow: Any, columns: dict[str, list[Any]]) -> Any:
    """Return the schema of a Parquet file, with the metadata for Hugging Face's ``datasets``."""
    kinds = {str: (pyarrow.string(), "string"), bool: (pyarrow.bool_(), "bool"), int: (pyarrow.int64(), "int64")}
    types = {word: kinds.get(type(column[0]), (pyarrow.float64(), "float64")) for word, column in columns.items()}
    image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    features = {"image": {"_type": "Image"}} | {
        word: {"dtype": name, "_type": "Value"} for word, (_, name) in types.items()
    }
    fields = [("image", image), *((word, kind) for word, (kind, _) in types.items())]
    return pyarrow.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _folder_names(labels: list[str]) -> dict[str, str]:
    """Return a distinct folder name for each label, valid on every file system, also without regard to case."""
    names: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        plain = file_name(label)
        count = sum(name.partition("~")[0].casefold() == plain.casefold() for name in names.values())
        names[label] = f"{plain}~{count + 1}" if count else plain
    return names


def _as_text(value: Any) -> Any:
    """Return text that UTF-8 can encode, which is not the case for all file names."""
    return printable(value) if isinstance(value, str) else value
