"""What all images of bytes share: kinds of samples, batches, unknown bytes, sampling, files that are none."""

import os
import warnings

import numpy as np
import pytest
import torch

from img_repr import encode_bigram, encode_byteplot, encode_byteviews, encode_entropy, encode_hilbert, get_encoder
from img_repr.core.errors import DataError, DegenerateSampleWarning, ParameterError, SampleError
from img_repr.domains.binary.binary import Binary

ENCODERS = [encode_byteplot, encode_hilbert, encode_entropy, encode_bigram, encode_byteviews]
every_encoder = pytest.mark.parametrize("encode", ENCODERS, ids=lambda encode: encode.__name__)


@pytest.fixture
def values(random):
    return random.integers(0, 256, 5000, dtype=np.uint8)


@every_encoder
def test_kinds_of_samples_agree(encode, values, tmp_path):
    (tmp_path / "file").write_bytes(values)
    (tmp_path / "longer").write_bytes(bytes(9) + values.tobytes() + bytes(5))
    expected = encode(values, size=16)
    assert expected.dtype == np.float32
    for same in (
        values.tobytes(),
        bytearray(values.tobytes()),
        memoryview(values),
        np.repeat(values, 2)[::2],
        tmp_path / "file",
        str(tmp_path / "file"),
        Binary(tmp_path / "longer", 9, 5009),
        Binary(np.r_[values, values], 0, 5000),
        Binary(values, known=np.ones(5000, bool)),
    ):
        np.testing.assert_allclose(encode(same, size=16), expected, atol=1e-5)
    found = encode(torch.from_numpy(values), size=16)
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found, expected)


@every_encoder
def test_batches(encode, values, tmp_path):
    (tmp_path / "file").write_bytes(values)
    fragments = values.reshape(5, 1000)
    alone = [encode(one, size=16) for one in fragments]
    np.testing.assert_allclose(encode(fragments, size=16), alone, atol=1e-5)
    np.testing.assert_allclose(encode(torch.from_numpy(fragments), size=16), alone, atol=1e-5)
    mixed = [fragments[0], values[:77], tmp_path / "file", fragments[1], fragments[2], Binary(fragments[3], 500)]
    images = encode(mixed, size=16)
    for image, one in zip(images, mixed, strict=True):
        np.testing.assert_allclose(image, encode(one, size=16), atol=1e-5)


@every_encoder
def test_images_that_are_written_in_several_steps(encode, values):
    """Images so large that one step holds one channel of one sample."""
    batch = [values[:100], values[:3000], values[:3000]]
    images = encode(batch, size=800)
    for image, one in zip(images, batch, strict=True):
        np.testing.assert_allclose(image, encode(one, size=800), atol=1e-5)


@every_encoder
@pytest.mark.parametrize("length", [1, 2, 3])
def test_shortest(encode, length):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        image = encode(bytes(range(200, 200 + length)), size=8)
    assert np.isfinite(image).all()


def test_smaller_matrices_are_at_the_top_left():
    images = encode_byteplot([b"abcde", b"x"], width="square", dtype="uint8")
    assert images.tolist() == [[[97, 98, 99], [100, 101, 0]], [[120, 0, 0], [0, 0, 0]]]


def test_zeros_ones_and_the_range():
    assert not encode_byteplot(bytes(70_000), size=224).any()
    full = encode_byteplot(b"\xff" * 700_001, size=(223, 225))
    assert full.max() <= 255.0
    np.testing.assert_allclose(full, 255.0, rtol=1e-6)


@pytest.mark.parametrize("layout", ["rows", "hilbert"])
def test_unknown_bytes_count_for_nothing(layout, values, random):
    known = random.random(5000) < 0.5
    known[1000:3000] = False
    sample, other = Binary(values, known=known), Binary(np.where(known, values, 77).astype(np.uint8), known=known)
    encoder = get_encoder("byteviews", size=9, layout=layout, views=("byte", "entropy", "mask", "text", "bigram"))
    images = encoder([sample], dtype="float64")[0]
    np.testing.assert_allclose(encoder([other], dtype="float64")[0], images, atol=1e-9)
    holes = Binary(np.where(known, values, 0).astype(np.uint8))
    sums = get_encoder("byteviews", size=9, layout=layout, views=("byte", "mask"))([holes], dtype="float64")[0]
    np.testing.assert_allclose(images[0] * images[2], sums[0] * sums[1], atol=1e-9)
    assert images[2].sum() / sums[1].sum() == pytest.approx(known.mean(), rel=0.05)
    assert (images[0][images[2] == 0] == 0).all()


@every_encoder
def test_nothing_known_is_blank_and_said(encode):
    with pytest.warns(DegenerateSampleWarning, match="known"):
        image = encode(Binary(np.arange(100, dtype=np.uint8), known=np.zeros(100, bool)), size=8)
    assert not image.any()


def test_nearest_of_unknown_bytes_is_blank():
    known = np.tile([True, False], 8)
    image = encode_byteplot(
        Binary(np.full(16, 9, np.uint8), known=known), width=4, size=4, sampling="nearest", dtype="uint8"
    )
    np.testing.assert_array_equal(image.ravel(), 9 * known)


@every_encoder
def test_max_bytes_reads_stated_blocks_only(encode, tmp_path):
    """Blocks of 256 bytes of a file of 64 KiB: bytes between them change nothing, bytes in them do."""
    values = np.random.default_rng(0).integers(0, 256, 65536, dtype=np.uint8)
    (tmp_path / "file").write_bytes(values)
    sampled = encode(tmp_path / "file", size=16, max_bytes=16384)
    np.testing.assert_array_equal(encode(values, size=16, max_bytes=16384), sampled)
    between, inside = values.copy(), values.copy()
    between[300:900] = 0
    inside[:256] = 0
    np.testing.assert_array_equal(encode(between, size=16, max_bytes=16384), sampled)
    assert np.abs(encode(inside, size=16, max_bytes=16384) - sampled).max() > 0.01
    np.testing.assert_array_equal(encode(values, size=16, max_bytes=65536), encode(values, size=16))
    both = encode([values, inside], size=16, max_bytes=16384)
    np.testing.assert_array_equal(both[0], sampled)
    np.testing.assert_array_equal(both[1], encode(inside, size=16, max_bytes=16384))


def test_sampled_rows_keep_their_columns():
    """A file whose bytes tell their column, in rows of 384: every block starts where a row does."""
    values = np.resize(np.arange(384) // 2, 190_000).astype(np.uint8)
    whole, sampled = (encode_byteplot(values, size=(8, 384), max_bytes=limit) for limit in (None, 40_000))
    np.testing.assert_allclose(sampled[:7], whole[:7], atol=1e-3)


def test_a_sparse_file_of_five_gigabytes(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(5 * 2**30)
        file.seek(0)
        file.write(b"\xff" * 4096)
    encoder = get_encoder("byteviews", size=32, views=("byte", "entropy", "mask", "zero", "bigram"), max_bytes=2**20)
    image = encoder([tmp_path / "file"])[0]
    assert image[0, 0].min() > 0
    assert not image[0, 2:].any()
    np.testing.assert_allclose(image[2], 1.0)


@every_encoder
def test_rejects_missing_and_special_files(encode, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    name = encode.__name__.removeprefix("encode_")
    for what, error, words in (
        (b"", SampleError, "at least one byte"),
        (tmp_path / "empty", SampleError, "at least one byte"),
        (tmp_path, SampleError, "plain file"),
        (tmp_path / "pipe", SampleError, "plain file"),
        (tmp_path / "loop", DataError, "loop"),
        (tmp_path / "none", DataError, "none"),
        (np.zeros((2, 3, 4), np.uint8), SampleError, name),
        (np.zeros(5), SampleError, name),
    ):
        with pytest.raises(error, match=words) as raised:
            encode(what, size=8)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("encode", "wrong"),
    [
        (encode_byteplot, {"width": "wide"}),
        (encode_byteplot, {"width": 0}),
        (encode_byteplot, {"width": True}),
        (encode_byteplot, {"width": 2**20 + 1}),
        (encode_byteplot, {"kilobyte": 1}),
        (encode_byteplot, {"levels": "color"}),
        (encode_byteplot, {"sampling": "lanczos"}),
        (encode_byteplot, {"max_bytes": 10}),
        (encode_byteplot, {"size": (3, 4, 5)}),
        (encode_byteplot, {"size": (3, 0)}),
        (encode_byteplot, {"size": 10**6}),
        (encode_entropy, {"size": 10**6}),
        (encode_byteviews, {"size": 10**6}),
        (encode_hilbert, {"size": (8, 8)}),
        (encode_hilbert, {"size": 4097}),
        (encode_hilbert, {"size": None}),
        (encode_hilbert, {"levels": 1}),
        (encode_bigram, {"scale": "linear"}),
        (encode_bigram, {"size": 4097}),
        (encode_entropy, {"layout": "zigzag"}),
        (encode_byteviews, {"views": ()}),
        (encode_byteviews, {"views": "byte+mask"}),
        (encode_byteviews, {"views": ("byte", "byte")}),
        (encode_byteviews, {"views": ("byte", ["mask"])}),
        (encode_byteviews, {"views": ("bigram",), "size": (4, 5)}),
        (encode_byteviews, {"views": ("bigram",), "size": None}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_wrong_parameters(encode, wrong):
    name = encode.__name__.removeprefix("encode_")
    with pytest.raises(ParameterError, match=f"^{name}: expected ") as error:
        encode(b"abc", **({"size": 8} | wrong))
    assert "\n" not in str(error.value)


def test_a_matrix_that_is_too_large_is_refused(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(ParameterError, match=r"^byteplot: expected a size for a binary of 67108865 bytes"):
        encode_byteplot(tmp_path / "file")


def test_renders_the_longest_side():
    assert encode_byteplot(b"abc", size=(16384, 2)).shape == (16384, 2)
    with pytest.raises(ParameterError, match=r"^byteplot: expected size to be .*, each 1 to 16384, got \(16385, 2\)$"):
        encode_byteplot(b"abc", size=(16385, 2))


@every_encoder
def test_back_projection_is_refused_where_its_weights_would_not_fit(encode, tmp_path):
    name = encode.__name__.removeprefix("encode_")
    with (tmp_path / "file").open("wb") as file:
        file.truncate(2**27 + 1)
    with pytest.raises(SampleError, match=f"^{name}: expected a binary of at most 134217728 bytes"):
        get_encoder(name, size=8).back_project(np.ones((3, 8, 8) if name == "byteviews" else (8, 8)), tmp_path / "file")
    with pytest.raises(ParameterError, match=f"^{name}: expected heat of shape"):
        get_encoder(name, size=8).back_project(np.ones((8, 9)), b"abc")
    with pytest.raises(SampleError, match=f"^{name}: expected one binary, got 2"):
        get_encoder(name, size=8).back_project(np.ones((8, 8)), [b"abc", b"abc"])
