"""Several views in one pass are the single images, and their heat goes where each belongs."""

import numpy as np
import pytest

from img_repr import encode_bigram, encode_byteplot, encode_byteviews, encode_entropy, encode_hilbert, get_encoder
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.byte_class import BYTE_CLASSES, CLASS_LEVELS, class_table
from img_repr.domains.binary.byteviews import VIEWS


@pytest.fixture
def binary(random):
    return random.integers(0, 256, 20_000, dtype=np.uint8)


def test_channels_are_the_single_images(binary):
    images = dict(zip(VIEWS, encode_byteviews(binary, size=32, views=VIEWS, dtype="float64"), strict=True))
    np.testing.assert_allclose(images["byte"] * 255, encode_byteplot(binary, size=32, dtype="float64"), rtol=1e-12)
    np.testing.assert_allclose(images["entropy"] * 8, encode_entropy(binary, size=32, dtype="float64"), rtol=1e-12)
    np.testing.assert_array_equal(images["bigram"], encode_bigram(binary, size=32, dtype="float64"))
    levels = sum(CLASS_LEVELS[name] * images[name] for name in BYTE_CLASSES)
    np.testing.assert_allclose(
        levels, encode_byteplot(binary, size=32, levels="class", dtype="float64"), rtol=1e-12, atol=1e-9
    )
    np.testing.assert_allclose(sum(images[name] for name in BYTE_CLASSES), images["mask"] > 0, rtol=1e-12)


def test_along_the_curve(binary):
    byte, entropy = encode_byteviews(binary, size=32, layout="hilbert", views=("byte", "entropy"), dtype="float64")
    np.testing.assert_allclose(byte * 255, encode_hilbert(binary, size=32, dtype="float64"), rtol=1e-12)
    alone = encode_entropy(binary, size=32, layout="hilbert", dtype="float64")
    np.testing.assert_allclose(entropy * 8, alone, rtol=1e-12)
    assert encode_byteviews(binary, layout="hilbert").shape == (3, 256, 256)


def test_order_and_shapes(binary):
    batch = [binary, binary[:700]]
    several = encode_byteviews(batch, size=(8, 9), views=("mask", "byte"))
    assert several.shape == (2, 2, 8, 9)
    np.testing.assert_array_equal(several[:, 1], encode_byteviews(batch, size=(8, 9), views=("byte",))[:, 0])
    assert encode_byteviews(binary, size=8, views=["byte"]).shape == (1, 8, 8)
    assert get_encoder("byteviews", size=8)([binary]).shape == (1, 3, 8, 8)
    assert encode_byteviews(binary).shape == (3, 313, 64)


def test_every_byte_is_of_one_class():
    assert sum(class_table(name) for name in BYTE_CLASSES).tolist() == [1] * 256
    text = {byte for byte in range(256) if class_table("text")[byte]}
    assert text == {*range(0x20, 0x7F), 0x09, 0x0A, 0x0D}


def test_heat_goes_to_the_bytes_under_its_pixel():
    encoder = get_encoder("byteplot", size=4, width=8)
    heat = np.zeros((4, 4))
    heat[1, 2] = 3.0
    back = encoder.back_project(heat, bytes(64)).reshape(8, 8)
    expected = np.zeros((8, 8))
    expected[2:4, 4:6] = 0.75
    np.testing.assert_allclose(back, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["byteplot", "hilbert", "entropy"])
@pytest.mark.parametrize("with_unknown", [False, True])
def test_heat_times_bytes_is_heat_times_image(name, with_unknown, random):
    """The adjoint: an image is a linear map of what each byte has; here of the bytes of a byte image."""
    values = random.integers(0, 256, 3000, dtype=np.uint8)
    sample = Binary(values, known=random.random(3000) < 0.3 if with_unknown else None)
    heat = random.random((12, 12))
    back = get_encoder(name, size=12, **({"layout": "hilbert"} if name == "entropy" else {})).back_project(heat, sample)
    assert back.shape == (3000,)
    assert back.sum() == pytest.approx(heat.sum())
    if with_unknown:
        assert not back[~sample.known].any()
    encode = encode_byteplot if name == "byteplot" else encode_hilbert
    assert np.sum(back * values) == pytest.approx(np.sum(heat * encode(sample, size=12, dtype="float64")))


def test_heat_of_empty_pixels_goes_to_all_bytes():
    heat = np.zeros((4, 4))
    heat[3, 3] = 6.0  # three bytes stand in the first row alone
    back = get_encoder("byteplot", size=4, width=32).back_project(heat, b"abc")
    np.testing.assert_allclose(back, [2.0, 2.0, 2.0])


def test_heat_of_sampled_file_is_in_the_blocks(random):
    values = random.integers(0, 256, 65536, dtype=np.uint8)
    for name in ("byteplot", "bigram"):
        back = get_encoder(name, size=8, max_bytes=16384).back_project(np.ones((8, 8)), values)
        assert back.sum() == pytest.approx(64)
        assert back[:256].all()
        assert not back[260:1000].any()


def test_heat_of_channels(random):
    values = random.integers(0, 256, 3000, dtype=np.uint8)
    heat = random.random((3, 8, 8))
    encoder = get_encoder("byteviews", size=8, views=("byte", "bigram", "mask"))
    by_place = get_encoder("byteplot", size=8).back_project(heat[0] + heat[2], values)
    by_pair = get_encoder("bigram", size=8).back_project(heat[1], values)
    np.testing.assert_allclose(encoder.back_project(heat, values), by_place + by_pair, rtol=1e-9)
    both = get_encoder("byteplot+bigram", size=8).back_project(heat[:2], values)
    np.testing.assert_allclose(both, get_encoder("byteplot", size=8).back_project(heat[0], values) + by_pair, rtol=1e-9)
