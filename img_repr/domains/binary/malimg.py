"""Malimg: malware as grayscale images, a folder of PNG files per family; the pixels are the bytes."""

import struct
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from img_repr.core.class_folders import read_class_folders
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.file_tree import is_folder, names_in, size_of
from img_repr.core.loader import loader
from img_repr.core.split_names import split_of
from img_repr.domains.binary.assembly import Cutting, assemble
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import BINARY

_FAMILIES = {
    *("Adialer.C", "Agent.FYI", "Allaple.A", "Allaple.L", "Alueron.gen!J", "Autorun.K", "C2LOP.P", "C2LOP.gen!g"),
    *("Dialplatform.B", "Dontovo.A", "Fakerean", "Instantaccess", "Lolyda.AA1", "Lolyda.AA2", "Lolyda.AA3"),
    *("Lolyda.AT", "Malex.gen!J", "Obfuscator.AD", "Rbot!gen", "Skintrim.N", "Swizzor.gen!E", "Swizzor.gen!I"),
    *("VB.AT", "Wintrim.BX", "Yuner.A"),
}
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS = 1 << 26  # below Pillow's warning limit; the largest of the set has 12 million
_ROOTS = ("malimg_paper_dataset_imgs", "malimg_dataset")


def _root(path: Path) -> Path:
    return next((path / name for name in _ROOTS if is_folder(path / name)), path)


def is_malimg(path: Path) -> bool:
    """Return whether a folder, or its splits, holds folders named as at least three of the families."""
    root = _root(path)
    folders = [root, *(root / name for name in names_in(root) if split_of(name))]
    return any(len(_FAMILIES & {*names_in(folder)}) >= 3 for folder in folders)


@loader(BINARY, recognizes=is_malimg)
def load_malimg(path: str | Path, **cutting: Unpack[Cutting]) -> Dataset:
    """Load Malimg: 9,339 images of 25 families of malware, back to the bytes that they were made of.

    The bytes are the pixels, row by row. The width of an image is not kept: it was chosen by the size of the file
    (the table of Nataraj, which byte images here take too), so that it would only encode the size.
    Where the last row was not full, its bytes were not in the image and are not here.

    Parameters
    ----------
    path : str or Path
        Folder of one folder of PNG files per family, or the one above it; or such folders in folders of splits
        (a validation split joins the training part).
    **cutting
        As of :class:`Cutting`. By default whole files are the samples; ``fragment_bytes=4096`` cuts them.

    Returns
    -------
    Dataset
        ``labels`` families. All images are about 1.3 GB of bytes in memory.

    Raises
    ------
    DataError
        If there is no image, one cannot be read, or is not grayscale.

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
    found = read_class_folders(
        _root(Path(path)),
        lambda file: file.suffix.lower() == ".png",
        caller="malimg",
        kind="PNG files",
        skip_unreadable=cutting.get("skip_unreadable", False),
    )
    if found.labels is None:
        raise DataError(f"{path}: expected a folder of PNG files per family, got {len(found.files)} in one folder")
    return assemble(
        "Malimg",
        found.files,
        names=found.names,
        decode=read_pixels,
        labels=found.labels,
        split=found.splits,
        notes=found.notes,
        **cutting,
    )


def read_pixels(path: Path) -> Binary:
    """Read the bytes that are the pixels of a grayscale PNG, row by row.

    A color image, an image with a palette and one with an alpha channel are read if each pixel is gray and opaque, and
    one of 16 bits if each value is 8 bits written twice.

    Raises
    ------
    DataError
        If it cannot be read, has too many pixels, or is not grayscale with 8 bits.
    """
    from PIL import Image

    size_of(path, "a PNG file")
    try:
        with path.open("rb") as file:
            head = file.read(26)
            if head[:8] != _PNG or len(head) < 26:
                raise DataError(f"{path}: expected a PNG file, got another or none")
            _check_pixels(path, *struct.unpack(">II", head[16:24]))
            file.seek(0)
            with Image.open(file, formats=("PNG",)) as image:
                _check_pixels(path, *image.size)
                if getattr(image, "is_animated", False):
                    raise DataError(f"{path}: expected one image, got an animation")
                return Binary(_grays(path, image, bits=head[24]).reshape(-1))
    except ImgReprError:
        raise
    except Exception as error:  # Pillow raises many kinds for damaged files
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{path}: expected an image that can be read, got: {said}") from None


def _check_pixels(path: Path, width: int, height: int) -> None:
    if width * height > _MOST_PIXELS:
        raise DataError(f"{path}: expected at most {_MOST_PIXELS} pixels, got {width} x {height}")


def _grays(path: Path, image: Any, bits: int) -> np.ndarray:
    """Return the gray level of each pixel, uint8, where each has one."""
    mode, has_alpha = image.mode, "transparency" in image.info or "A" in image.mode
    if mode == "I;16":
        wide = np.asarray(image)
        if np.array_equal(wide >> 8, wide & 0xFF):
            return np.ascontiguousarray(wide >> 8, dtype=np.uint8)
    elif mode in ("1", "L") and not has_alpha:
        return np.asarray(image.convert("L"))
    elif mode in ("1", "L", "LA", "P", "RGB", "RGBA") and bits <= 8:
        pixels = np.asarray(image.convert("RGBA"))
        if (pixels[..., :3] == pixels[..., :1]).all():
            if (pixels[..., 3] == 255).all():
                return np.ascontiguousarray(pixels[..., 0])
            mode = f"{mode} with transparent pixels"
    raise DataError(
        f"{path}: expected a grayscale image of 8 bits, got one of mode {mode} and {bits} bits; "
        "only images whose pixels are bytes of a file can be read"
    )
