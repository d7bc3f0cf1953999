"""Signatures of bytes, for finding near-duplicates."""

import numpy as np

from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.pieces import pieces_of, runs_of

_MOST_BYTES = 1 << 20
_HASHES = 1 << 16  # that four bytes in a row may have
_KEPT = 1 << 13  # about so many of them are kept
_SIZE = 256
_FEWEST = 32  # distinct ones; fewer are no evidence
_FACTOR = np.uint32(0x9E3779B1)  # odd, near 2**32 over the golden ratio: neighbors are spread
_random = np.random.default_rng(0)
_PLACE, _SIGN = _random.integers(0, _SIZE, _HASHES), _random.choice([-1.0, 1.0], _HASHES)


def sketch_binary(binary: Binary) -> np.ndarray:
    """Sketch which four bytes in a row stand anywhere in a binary, float32 ``(256,)``; zeros where too few differ.

    The product of two sketches is about the fraction that both have in common (a count sketch of hashes). Of what is
    longer than 1 MiB, blocks at even distances are read.

    References
    ----------
    M. Charikar, K. Chen, M. Farach-Colton: Finding frequent items in data streams, ICALP 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.binary import Binary
    >>> from img_repr.domains.binary.signature import sketch_binary
    >>> one, other = np.random.default_rng(0).integers(0, 256, (2, 4096), dtype=np.uint8)
    >>> first, moved, another = (sketch_binary(Binary(content)) for content in (one, one[7:], other))
    >>> bool(np.linalg.norm(first - moved) < 0.1), bool(np.linalg.norm(first - another) > 1)
    (True, True)
    """
    seen = np.zeros(_HASHES, bool)
    runs = runs_of("near_duplicate_signature", len(binary), _MOST_BYTES)
    kept = max(1, min(len(binary), _MOST_BYTES) // _KEPT)
    shift = np.uint32(kept.bit_length() - 1)  # of each 2**shift hashes the first is kept, whatever lies around it
    for piece in pieces_of(binary, runs):
        wide = piece.values[0].astype(np.uint32)
        if len(wide) < 4:
            continue
        hashes = (wide[:-3] | (wide[1:-2] << 8) | (wide[2:-1] << 16) | (wide[3:] << 24)) * _FACTOR
        hashes ^= hashes >> np.uint32(15)
        if shift:
            hashes = hashes[(hashes & np.uint32((1 << int(shift)) - 1)) == 0] >> shift
        seen[hashes & np.uint32(_HASHES - 1)] = True
    found = np.flatnonzero(seen)
    if len(found) < _FEWEST:
        return np.zeros(_SIZE, np.float32)
    counts = np.bincount(_PLACE[found], weights=_SIGN[found], minlength=_SIZE)
    return np.asarray(counts / np.linalg.norm(counts), dtype=np.float32)
