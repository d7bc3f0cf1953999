"""Views of sections: a pixel is the share of its bytes that lie in sections of a kind, where the others show them."""

import struct

import numpy as np
import pytest

from img_repr import encode_byteplot, encode_byteviews, encode_hilbert, get_encoder
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.byte_ranges import byte_ranges
from img_repr.domains.binary.byteviews import SECTION_VIEWS
from img_repr.domains.binary.sections import ranges_of, sections_of

CODE, DATA, CONSTANTS, DEBUG = (1, 6), (1, 3), (1, 2), (1, 0)  # type and flags
KIND_OF = {CODE: "code", DATA: "data", CONSTANTS: "constants", DEBUG: "other"}


def make_elf(parts: list[tuple[tuple[int, int], int, int]], length: int, count: int | None = None) -> np.ndarray:
    """Make noise of that length with a header of 64 bytes and, at the end, a table of (type and flags, place, size)."""
    rows = [struct.pack("<IIQQQQIIQQ", 0, *kind, 0, at, size, 0, 0, 1, 0) for kind, at, size in parts]
    place = length - 64 * len(rows)
    shown = len(rows) if count is None else count
    header = (
        b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, place, 0, 64, 0, 0, 64, shown, 0)
    )
    values = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8)
    values[:64] = np.frombuffer(header, np.uint8)
    values[place:] = np.frombuffer(b"".join(rows), np.uint8)
    return values


def make_pe(rows: list[tuple[int, int, int]], length: int) -> np.ndarray:
    """Make zeros of that length with a table of sections (place, size, flags) in the first 512 bytes."""
    start = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(rows), *[0] * 5)
    table = [struct.pack("<8sIIIIIIHHI", b"", size, 0, size, at, 0, 0, 0, 0, flags) for at, size, flags in rows]
    return np.frombuffer((start + b"".join(table)).ljust(length, b"\0"), np.uint8)


def inside(length: int, *parts: tuple[int, int]) -> np.ndarray:
    """Mark bytes by place and size."""
    marked = np.zeros(length, np.uint8)
    for at, size in parts:
        marked[at : at + size] = 1
    return marked


@pytest.fixture
def elf() -> np.ndarray:
    return make_elf([(CODE, 64, 100), (DATA, 200, 30), (CONSTANTS, 230, 10), (CODE, 300, 17)], 1000)


def test_an_elf_byte_by_byte(elf):
    images = dict(zip(SECTION_VIEWS, encode_byteviews(elf, width=10, views=tuple(SECTION_VIEWS)), strict=True))
    expected = {
        "section_code": [(64, 100), (300, 17)],
        "section_data": [(200, 30)],
        "section_constants": [(230, 10)],
        "section_header": [(0, 64), (1000 - 256, 256)],
    }
    for name, image in images.items():
        np.testing.assert_array_equal(image.ravel(), inside(1000, *expected.get(name, [])), err_msg=name)


def test_a_pe_byte_by_byte():
    pe = make_pe([(512, 200, 0x60000020), (712, 100, 0x40000040), (812, 80, 0xC0000040)], 1000)
    names = ("section_header", "section_code", "section_constants", "section_data", "section_overlay")
    images = encode_byteviews(pe, width=10, views=names)
    for image, part in zip(images, [(0, 512), (512, 200), (712, 100), (812, 80), (892, 108)], strict=True):
        np.testing.assert_array_equal(image.ravel(), inside(1000, part))


@pytest.mark.parametrize("layout", ["rows", "hilbert"])
@pytest.mark.parametrize("with_unknown", [False, True])
def test_view_is_aligned_with_bytes(layout, with_unknown, elf, random):
    """An image of a file that has 255 in the section and 0 elsewhere is the view, at any size."""
    known = random.random(1000) < 0.5 if with_unknown else None
    marked = Binary(255 * inside(1000, (64, 100), (300, 17)), known=known)
    options = {"size": 13, "dtype": "float64"}
    views = encode_byteviews(Binary(elf, known=known), views=("section_code", "mask", "byte"), layout=layout, **options)
    encode = encode_byteplot if layout == "rows" else encode_hilbert
    np.testing.assert_allclose(views[0], encode(marked, **options) / 255, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(views[2] * 255, encode(Binary(elf, known=known), **options), rtol=1e-12)
    mask = encode_byteviews(marked, views=("mask",), layout=layout, **options)[0]
    np.testing.assert_array_equal(views[1], mask)


@pytest.mark.parametrize("max_bytes", [None, 300_000])
def test_files_of_several_pieces_and_of_blocks(max_bytes, tmp_path):
    parts = [(CODE, 1000, 400_000), (DATA, 500_000, 300_001), (CODE, 450_000, 100_000), (CONSTANTS, 900_000, 7)]
    elf = make_elf(parts, 1_200_000)
    (tmp_path / "elf").write_bytes(elf)
    names = ("section_code", "section_data", "section_constants")
    images = encode_byteviews(tmp_path / "elf", size=32, views=names, max_bytes=max_bytes)
    np.testing.assert_array_equal(images, encode_byteviews(elf, size=32, views=names, max_bytes=max_bytes))
    for kind, image in zip((CODE, DATA, CONSTANTS), images, strict=True):
        marked = inside(1_200_000, *(part[1:] for part in parts if part[0] == kind)) * np.uint8(255)
        expected = encode_byteplot(marked, size=32, max_bytes=max_bytes) / 255
        np.testing.assert_allclose(image, expected, atol=1e-6)


def test_batches(elf, random):
    """Binaries of one length are drawn side by side; each has its own table."""
    text = np.frombuffer(b"no table of sections " * 50, np.uint8)[:1000]
    other = make_elf([(CODE, 500, 50)], 1000)
    names = ("section_code", "byte")
    images = encode_byteviews([elf, text, other, elf[:90]], size=16, views=names)
    for image, one in zip(images, (elf, text, other, elf[:90]), strict=True):
        np.testing.assert_allclose(image, encode_byteviews(one, size=16, views=names), atol=1e-6)
    assert images[0, 0].any()
    assert images[2, 0].any()
    assert not images[1, 0].any()
    assert not images[3, 0].any(), "its table is cut off"


@pytest.mark.parametrize("binary", [b"text", b"M", b"MZ" * 40, b"\x7fELF" + bytes(60), bytes(5000)], ids=len)
def test_file_without_table_is_zero(binary):
    assert not encode_byteviews(binary, size=8, views=tuple(SECTION_VIEWS)).any()


def test_headers_that_lie(elf):
    """Sections beyond the file, inside each other, and more than there are: no share is more than 1, none is lost."""
    lying = make_elf([(CODE, 900, 1 << 40), (CODE, 64, 400), (CODE, 100, 50), (DATA, 1 << 60, 9)], 1000, count=65_000)
    code, data = encode_byteviews(lying, width=10, views=("section_code", "section_data"))
    np.testing.assert_array_equal(code.ravel(), inside(1000, (64, 400), (900, 100)))
    assert not data.any()
    for seed in range(200):
        random = np.random.default_rng(seed)
        broken = elf.copy()
        broken[random.integers(0, 1000, 8)] = random.integers(0, 256, 8)
        broken[0:4] = elf[0:4]
        images = encode_byteviews(broken, size=7, views=tuple(SECTION_VIEWS))
        assert images.min() >= 0.0
        assert images.max() <= 1.0


def test_many_sections(random):
    """A file that is a table of sections, each of which is one byte of it."""
    places = random.permutation(64 * 3000)[:3000]
    elf = make_elf([(CODE, int(at), 1) for at in places], 64 * 3001)
    image = encode_byteviews(elf, width=64, views=("section_code",))[0]
    np.testing.assert_array_equal(np.flatnonzero(image), np.sort(places))
    assert len(ranges_of(sections_of(elf), "code")) <= 3000


def test_heat_and_ranges_go_by_place(elf, random):
    heat = random.random((2, 8, 8))
    encoder = get_encoder("byteviews", size=8, views=("section_code", "byte"))
    by_place = get_encoder("byteplot", size=8).back_project(heat.sum(axis=0), elf)
    np.testing.assert_allclose(encoder.back_project(heat, elf), by_place, rtol=1e-12)
    assert byte_ranges(encoder, elf, 3, 2).tolist() == byte_ranges(get_encoder("byteplot", size=8), elf, 3, 2).tolist()
    shares = encoder([elf])[0, 0]
    code = inside(1000, (64, 100), (300, 17))
    for row in range(8):
        covered = [code[first:stop] for first, stop in byte_ranges(encoder, elf, row, 0).tolist()]
        assert (shares[row, 0] > 0) == np.concatenate(covered).any()
