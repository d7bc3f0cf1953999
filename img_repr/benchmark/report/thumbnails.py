"""Thumbnails: sample images and short series as parts of the page."""

import base64
import io
from pathlib import Path

import numpy as np

from img_repr.core.array_file import read_npz
from img_repr.core.errors import DataError

_IMAGE_PX = 128  # of a sample image on the page; larger ones are averaged down


def read_images(path: Path) -> dict[str, np.ndarray]:
    """Read sample images, and check that there is a label and a position for each.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    found = read_npz(path, ("fingerprint", "encoder", "labels", "indices", "series?", "images?"))
    name = "series" if "series" in found else "images"
    drawn = found.get(name, np.empty(0))
    good = drawn.ndim == (2 if name == "series" else 4) and drawn.dtype == ("float32" if name == "series" else "uint8")
    if not good or not drawn.size or not len(drawn) == found["labels"].size == found["indices"].size:
        raise DataError(f"{path.name}: expected images with a label and a position each, got others")
    return found


def draw_series(line: np.ndarray, *, width: int = 120, height: int = 44) -> str:
    """Draw a short series as a bare line, SVG."""
    known = np.nan_to_num(line.astype(np.float64))
    span = float(np.ptp(known)) or 1.0
    x = np.linspace(1, width - 1, len(known))
    y = height - 2 - (known - known.min()) / span * (height - 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg viewBox="0 0 {width} {height}" aria-hidden="true"><polyline points="{points}" fill="none" '
        'stroke="currentColor" stroke-width="1.2"/></svg>'
    )


def image_uri(image: np.ndarray) -> str:
    """PNG data URI of a uint8 image ``(C, H, W)``: one channel in viridis, more as red, green, blue."""
    from matplotlib import colormaps
    from PIL import Image

    if image.shape[0] == 1:
        pil_image = Image.fromarray(image[0])
        palette = (np.asarray(colormaps["viridis"](np.arange(256)))[:, :3] * 255).round().astype(np.uint8)
    else:
        planes = [*image[:3], *[np.zeros_like(image[0])] * max(0, 3 - len(image))]
        pil_image, palette = Image.fromarray(np.stack(planes, axis=-1)), None
    if max(pil_image.size) > _IMAGE_PX:
        pil_image.thumbnail((_IMAGE_PX, _IMAGE_PX), Image.Resampling.BOX)
    if palette is not None:
        pil_image.putpalette(palette.tobytes())  # makes it a palette image: a third of the size
    buffer = io.BytesIO()
    pil_image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
