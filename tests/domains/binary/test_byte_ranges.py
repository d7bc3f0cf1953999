"""What a pixel covers, told in offsets of the file."""

import numpy as np
import pytest

from img_repr import get_encoder
from img_repr.core.errors import ParameterError, SampleError
from img_repr.domains.binary.byte_ranges import byte_ranges


@pytest.mark.parametrize("name", ["byteplot", "hilbert", "entropy", "byteviews"])
@pytest.mark.parametrize("max_bytes", [None, 4096])
def test_only_these_bytes_move_the_pixel(name, max_bytes, random):
    values = random.integers(0, 128, 9000, dtype=np.uint8)
    views = {"views": ("byte",)} if name == "byteviews" else {}
    encoder = get_encoder(name, size=8, max_bytes=max_bytes, **views)
    covered = np.zeros(9000, bool)
    for first, stop in byte_ranges(encoder, values, 5, 3).tolist():
        covered[first:stop] = True
    assert 0 < covered.sum() < 1000
    heat = np.zeros((8, 8))
    heat[5, 3] = 1.0
    np.testing.assert_array_equal(encoder.back_project(heat, values) > 0, covered)
    if name != "entropy":
        for changed in (covered, ~covered):
            other = encoder([np.where(changed, 255, values).astype(np.uint8)])[0, 0, 5, 3]
            assert (other == encoder([values])[0, 0, 5, 3]) == (changed is not covered)


def test_pixels_partition_the_file(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(3 * 2**30)
    encoder = get_encoder("hilbert", size=4)
    ranges = [byte_ranges(encoder, tmp_path / "file", row, column) for row in range(4) for column in range(4)]
    joined = np.sort(np.concatenate(ranges), axis=0)
    assert joined[0, 0] == 0
    np.testing.assert_array_equal(joined[1:, 0], joined[:-1, 1])
    assert joined[-1, 1] == 3 * 2**30


def test_behind_the_end():
    assert byte_ranges(get_encoder("byteplot", size=4, width=32), b"abc", 3, 3).shape == (0, 2)


def test_rejects_invalid_pixels_and_encoders():
    with pytest.raises(ParameterError, match=r"^bigram: expected an encoder in whose image bytes have a place"):
        byte_ranges(get_encoder("bigram", size=4), b"abc", 0, 0)
    with pytest.raises(ParameterError, match=r"^byteplot: expected a pixel of 4 rows and 4 columns, got \(4, 0\)"):
        byte_ranges(get_encoder("byteplot", size=4), b"abc", 4, 0)
    with pytest.raises(SampleError, match="byteplot"):
        byte_ranges(get_encoder("byteplot", size=4), object(), 0, 0)
