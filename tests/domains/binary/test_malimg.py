"""Malimg."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img_repr.core.card import find_card
from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.binary.malimg import load_malimg, read_pixels

FAMILIES = ("Adialer.C", "Rbot!gen", "Yuner.A")


def put(file: Path, pixels: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture
def root(tmp_path: Path, random: np.random.Generator) -> Path:
    for family in FAMILIES:
        for number in range(2):
            put(tmp_path / "imgs" / family / f"{number}.png", random.integers(0, 256, (40, 32), dtype=np.uint8))
    return tmp_path / "imgs"


def test_as_published(root: Path, tmp_path: Path):
    (root / FAMILIES[0] / "Thumbs.db").write_bytes(b"x")
    (root / FAMILIES[0] / "gone.png").symlink_to(root / "nowhere")
    data = load_dataset(root)
    assert [name for name in LOADERS if LOADERS[name].recognizes(root)] == ["malimg"]
    assert (data.name, data.domain.name, len(data)) == ("Malimg", "binary", 6)
    assert data.classes == FAMILIES
    assert data.names[0] == "Adialer.C/0.png"
    assert data.notes == (
        "left out 1 links to nothing (were the data fetched?): Adialer.C/gone.png",
        "left out 1 hidden files and folders: Adialer.C/Thumbs.db",
    )
    for name, sample in zip(data.names, data.samples, strict=True):
        np.testing.assert_array_equal(sample.read(), np.asarray(Image.open(root / name)).ravel())
    assert find_card(data.name).classes == 25
    root.rename(tmp_path / "malimg_paper_dataset_imgs")
    assert load_dataset(tmp_path).names.tolist() == data.names.tolist()


def test_parts_of_copies(root: Path, tmp_path: Path):
    for part in ("train", "val", "test"):
        for family in FAMILIES:
            put(tmp_path / "copy" / part / family / "x.png", np.zeros((4, 4), np.uint8))
    data = load_dataset(tmp_path / "copy")
    assert data.labels.tolist() == [*FAMILIES] * 3
    assert data.split.tolist() == ["test"] * 3 + ["train"] * 6
    assert data.notes == ("the validation split ('val') joins the training part",)


def test_fragments(root: Path):
    data = load_malimg(root, fragment_bytes=500)
    assert len(data) == 12
    assert data.names[1] == "Adialer.C/0.png at 0x1f4"


def test_three_equal_colors_are_one_gray(tmp_path: Path, random: np.random.Generator):
    gray = random.integers(0, 256, (5, 7), dtype=np.uint8)
    file = put(tmp_path / "a.png", np.repeat(gray[..., None], 3, axis=2))
    np.testing.assert_array_equal(read_pixels(file).read(), gray.ravel())
    file = put(tmp_path / "b.png", random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    with pytest.raises(DataError, match="expected a grayscale image of 8 bits, got one of mode RGB"):
        read_pixels(file)
    file = put(tmp_path / "c.png", random.integers(0, 65536, (5, 7), dtype=np.uint16))
    with pytest.raises(DataError, match="got one of mode I;16"):
        read_pixels(file)


GRAY = np.random.default_rng(0).integers(0, 256, (8, 16), dtype=np.uint8)


def with_palette(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    ramp = Image.new("P", image.size)
    ramp.putdata((255 - pixels.ravel()).tolist())
    ramp.putpalette([255 - level for level in range(256) for _ in range(3)])  # numbers are not the levels
    return ramp


@pytest.mark.parametrize(
    ("image", "gray"),
    [
        *((Image.fromarray(GRAY).convert(mode), GRAY) for mode in ("L", "RGB", "LA", "RGBA")),
        (with_palette(GRAY), GRAY),
        (Image.fromarray(GRAY.astype(np.uint16) * 257), GRAY),
        (Image.fromarray(GRAY > 127), np.where(GRAY > 127, 255, 0)),
    ],
    ids=["L", "RGB", "LA", "RGBA", "P", "16 bits", "1 bit"],
)
def test_the_gray_levels_of_all_modes_are_the_bytes(tmp_path: Path, image: Image.Image, gray: np.ndarray):
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png").read(), gray.ravel())


def interlaced(path: Path, pixels: np.ndarray) -> None:
    """Write a gray PNG in the seven passes of Adam7."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(
        b"\0" + row.tobytes() for top, left, down, right in passes for row in pixels[top::down, left::right] if row.size
    )
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 1)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def test_interlaced_images_are_read(tmp_path: Path):
    interlaced(tmp_path / "a.png", GRAY)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png").read(), GRAY.ravel())


def test_images_that_hold_more_than_bytes_are_one_sentence(tmp_path: Path):
    clear = Image.fromarray(GRAY).convert("LA")
    clear.putpixel((0, 0), (7, 0))
    animated = [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)]
    for image, message, options in (
        (clear, "mode LA with transparent pixels", {}),
        (Image.fromarray(GRAY.astype(np.uint16) * 255), "mode I;16 and 16 bits", {}),
        (Image.fromarray(GRAY), "mode L with transparent pixels", {"transparency": int(GRAY[0, 0])}),
        (animated[0], "expected one image, got an animation", {"save_all": True, "append_images": animated[1:]}),
    ):
        image.save(tmp_path / "a.png", **options)
        with pytest.raises(DataError, match=rf"a\.png: .*{message}"):
            read_pixels(tmp_path / "a.png")


def test_damage_and_lies(root: Path):
    file = root / FAMILIES[0] / "0.png"
    whole = file.read_bytes()
    head = struct.pack(">II", 1 << 20, 1 << 20) + whole[24:29]
    lie = whole[:16] + head + struct.pack(">I", zlib.crc32(whole[12:16] + head)) + whole[33:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content, message in (
            (b"", "expected a PNG file, got another or none"),
            (b"GIF89a" + bytes(40), "expected a PNG file, got another or none"),
            (whole[: len(whole) // 2], "expected an image that can be read, got: "),
            (whole[:40] + bytes(60) + whole[100:], "expected an image that can be read, got: "),
            (lie, "expected at most 67108864 pixels, got 1048576 x 1048576"),
        ):
            file.write_bytes(content)
            with pytest.raises(DataError, match=rf"0\.png: {message}"):
                load_malimg(root)
    data = load_malimg(root, skip_unreadable=True)
    assert len(data) == 5
    assert "skipped 1 of 6 files" in data.notes[0]


def test_other_folders(tmp_path: Path):
    with pytest.raises(DataError, match="expected a folder of PNG files, got no file"):
        load_malimg(tmp_path)
    for name in ("cats", "dogs", "Yuner.A"):
        put(tmp_path / name / "1.png", np.zeros((4, 4), np.uint8))
    assert [name for name in LOADERS if LOADERS[name].recognizes(tmp_path)] == []
    assert len(load_malimg(tmp_path)) == 3
