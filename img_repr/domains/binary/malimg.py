"""Malimg: malware as grayscale pictures, a folder of PNG files per family; the pixels are the bytes."""

import struct
from pathlib import Path
from typing import Unpack

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import list_files
from img_repr.core.loader import loader
from img_repr.domains.binary.assembly import TEST, TRAIN, Cutting, as_parts, assemble, entries
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import BINARY

_FAMILIES = {
    *("Adialer.C", "Agent.FYI", "Allaple.A", "Allaple.L", "Alueron.gen!J", "Autorun.K", "C2LOP.P", "C2LOP.gen!g"),
    *("Dialplatform.B", "Dontovo.A", "Fakerean", "Instantaccess", "Lolyda.AA1", "Lolyda.AA2", "Lolyda.AA3"),
    *("Lolyda.AT", "Malex.gen!J", "Obfuscator.AD", "Rbot!gen", "Skintrim.N", "Swizzor.gen!E", "Swizzor.gen!I"),
    *("VB.AT", "Wintrim.BX", "Yuner.A"),
}
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS = 1 << 26  # below what Pillow warns of; the largest of the set has 12 million
_ROOTS = ("malimg_paper_dataset_imgs", "malimg_dataset")


def _root(path: Path) -> Path:
    return next((path / name for name in _ROOTS if (path / name).is_dir()), path)


def is_malimg(path: Path) -> bool:
    """Whether a folder, or its parts ``train`` and ``test``, holds folders named as at least three of the families."""
    try:
        root = _root(path)
        folders = [root, *(folder for folder in entries(root) if folder.name.lower() in (*TRAIN, *TEST))]
        return any(len(_FAMILIES & {entry.name for entry in entries(folder)}) >= 3 for folder in folders)
    except OSError:
        return False


@loader(BINARY, recognises=is_malimg)
def load_malimg(path: str | Path, **cutting: Unpack[Cutting]) -> Dataset:
    """Load Malimg: 9,339 pictures of 25 families of malware, back to the bytes that they were made of.

    The bytes are the pixels, row by row. The width of a picture is not kept: it was chosen by the size of the file
    (the table of Nataraj, which byte images here take too), so that nothing but the size would be learned from it.
    Where the last row was not full, its bytes were not in the picture and are not here.

    Parameters
    ----------
    path : str or Path
        Folder of one folder of PNG files per family, or the one above it; or such folders in ``train`` and ``test``
        (a part for validation joins the training part).
    **cutting
        As of :class:`Cutting`. By default whole files are the samples; ``fragment_bytes=4096`` cuts them.

    Returns
    -------
    Dataset
        ``labels`` families. All pictures are about 1.3 GB of bytes in memory.

    Raises
    ------
    DataError
        If there is no picture, one cannot be read, or is not grayscale.

    References
    ----------
    Nataraj, Karthikeyan, Jacob & Manjunath 2011, Malware Images: Visualization and Automatic Classification, VizSec.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from img_repr.domains.binary.malimg import load_malimg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "Yuner.A").mkdir()
    ...     pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    ...     Image.fromarray(pixels).save(Path(folder, "Yuner.A", "1.png"))
    ...     data = load_malimg(folder)
    >>> data.labels.tolist(), data.samples[0].read().tolist()
    (['Yuner.A'], [0, 1, 2, 3, 4, 5])
    """
    root = _root(Path(path))
    tree = list_files(root)
    below = {file: tree.below(file) for file in tree.files if file.suffix.lower() == ".png"}
    split = {parts[0].lower() for parts in below.values()}
    by_part = bool(split) and split <= {*TRAIN, *TEST}
    found = [file for file, parts in below.items() if len(parts) == 2 + by_part]
    if not found:
        raise DataError(f"{path}: expected a folder of PNG files per family, got {len(below)} such files elsewhere")
    parts, notes = as_parts(below[file][0] for file in found) if by_part else (None, ())
    others = sorted({*tree.files} - {*found})
    if others:
        notes = (*notes, f"left out {len(others)} files that are no PNG in a family: {tree.names(others)}")
    if tree.irregular:
        notes = (
            *notes,
            f"left out {len(tree.irregular)} pipes, devices or links to listed folders: {tree.names(tree.irregular)}",
        )
    return assemble(
        "Malimg",
        found,
        names=["/".join(below[file]) for file in found],
        decode=read_pixels,
        labels=[below[file][by_part] for file in found],
        parts=parts,
        notes=notes,
        **cutting,
    )


def read_pixels(path: Path) -> Binary:
    """Read the bytes that are the pixels of a grayscale PNG, row by row.

    Three equal colours, as some copies have them, are one gray.

    Raises
    ------
    DataError
        If it cannot be read, is larger than a stated bound, or is not grayscale with 8 bits.
    """
    from PIL import Image

    len(Binary(path))  # refuses pipes and devices
    try:
        with path.open("rb") as file:
            head = file.read(24)
            if head[:8] != _PNG or len(head) < 24:
                raise DataError(f"{path}: expected a PNG file, got another or none")
            width, height = struct.unpack(">II", head[16:])
            if width * height > _MOST_PIXELS:
                raise DataError(f"{path}: expected at most {_MOST_PIXELS} pixels, got {width} x {height}")
            file.seek(0)
            with Image.open(file, formats=("PNG",)) as image:
                mode = image.mode
                pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        said = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: expected a picture that can be read, got: {said}") from None
    if mode == "RGB" and (pixels == pixels[..., :1]).all():
        mode, pixels = "L", pixels[..., 0]
    if mode != "L":
        raise DataError(f"{path}: expected a grayscale picture of 8 bits, got one of mode {mode}")
    return Binary(np.ascontiguousarray(pixels).reshape(-1))
