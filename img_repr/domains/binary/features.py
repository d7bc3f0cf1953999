"""Features of bytes: frequencies of bytes and of pairs, EMBER's numbers that need no parser, and the size alone.

Pairs with a linear model are the strongest of them on machine code: they see the order of bytes, and so endianness.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from img_repr.core.columns import NamedColumns
from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.features import features
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.counting import byte_counts, fractions, known_chunks, pair_counts
from img_repr.domains.binary.ember_counts import BINS, ByteEntropy, Strings
from img_repr.domains.binary.ember_counts import NAMES as STRING_NAMES
from img_repr.domains.binary.sample import BINARY, BinaryBatch, check_binaries


class BinaryColumns(NamedColumns):
    """A scikit-learn transformer from a batch of binaries to a table with named columns.

    A feature set gives ``_row(binary)``, ``_names()`` and, where it has parameters, ``_check_parameters()``. A batch
    is a list of inputs of :func:`~img_repr.domains.binary.sample.check_binaries`, or pieces of one length as uint8
    ``(N, L)``. A file is read piece by piece: its length costs time and no memory. Bytes that are not known are not
    counted; where none is, the row is of zeros.

    Attributes
    ----------
    columns_ : int
        Their number.
    """

    samples_in_words = "binaries"
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check parameters and samples; nothing is fitted."""
        self._check_parameters()
        self._check(X)
        self.columns_ = len(self._names())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of binaries, float32 ``(N, number of columns)``."""
        self._expect_fit()
        binaries = self._check(X).binaries
        table = np.empty((len(binaries), self.columns_), np.float32)
        for row, binary in zip(table, binaries, strict=True):
            row[:] = self._row(binary)
        return table

    def _check(self, binaries: Any) -> BinaryBatch:
        batch = check_binaries(binaries, caller=self._caller)
        if not batch.leading:
            raise SampleError(f"{self._caller}: expected a batch of binaries, a list of them or uint8 (N, L), got one")
        return batch

    def _check_parameters(self) -> None:
        """Refuse nothing."""

    @abstractmethod
    def _row(self, binary: Binary) -> np.ndarray:
        """Columns of one binary, ``(number of columns,)``."""


_BYTE_NAMES = [f"byte_{value:02x}" for value in range(256)]


@features(
    BINARY,
    name="byte_histogram",
    reference="Clemens 2015, Automatic classification of object code using machine learning",
)
class ByteHistogram(BinaryColumns):
    """The relative frequency of each byte value: 256 columns.

    Parameters
    ----------
    sqrt : bool
        Take square roots: rows of length 1, whose distances are Hellinger's; for linear learners.

    Notes
    -----
    A histogram does not distinguish little-endian from big-endian code.

    Examples
    --------
    >>> from img_repr.domains.binary.features import ByteHistogram
    >>> ByteHistogram().fit_transform([b"aaab", b"b"])[:, 97:99].tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """

    def __init__(self, sqrt: bool = False) -> None:
        self.sqrt = sqrt

    def _check_parameters(self) -> None:
        _check_flag(self._caller, self.sqrt)

    def _row(self, binary: Binary) -> np.ndarray:
        found = fractions(byte_counts(binary))
        return np.sqrt(found) if self.sqrt else found

    def _names(self) -> list[str]:
        return _BYTE_NAMES


@features(
    BINARY,
    name="byte_bigram",
    reference="Li, Wang, Stolfo & Herzog 2005, Fileprints: Identifying File Types by n-gram Analysis",
)
class ByteBigram(BinaryColumns):
    """The relative frequency of each pair of neighboring bytes, each byte by its highest bits: ``4**bits`` columns.

    Parameters
    ----------
    bits : int
        From 1 to 8. Six are enough for fragments of 4 KB, 4096 columns; eight are 65,536.
    sqrt : bool
        Take square roots: rows of length 1, whose distances are Hellinger's. The columns then share one scale on
        which rare pairs weigh little: a learner that brings each to its own deviation undoes it.

    Examples
    --------
    >>> from img_repr.domains.binary.features import ByteBigram
    >>> bigram = ByteBigram(bits=1).fit([b"text"])
    >>> bigram.transform([bytes([0, 255, 0, 255, 255])]).tolist()
    [[0.0, 0.7071067690849304, 0.5, 0.5]]
    >>> bigram.get_feature_names_out().tolist()
    ['pair_00_00', 'pair_00_80', 'pair_80_00', 'pair_80_80']
    """

    def __init__(self, bits: int = 6, sqrt: bool = True) -> None:
        self.bits = bits
        self.sqrt = sqrt

    def _check_parameters(self) -> None:
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not 1 <= self.bits <= 8:
            raise ParameterError(f"{self._caller}: expected bits to be an integer from 1 to 8, got {self.bits!r}")
        _check_flag(self._caller, self.sqrt)

    def _row(self, binary: Binary) -> np.ndarray:
        found = fractions(pair_counts(binary, bits=self.bits).ravel())
        return np.sqrt(found) if self.sqrt else found

    def _names(self) -> list[str]:
        lowest = [f"{value:02x}" for value in range(0, 256, 256 >> self.bits)]
        return [f"pair_{first}_{second}" for first in lowest for second in lowest]


@features(
    BINARY,
    name="ember",
    reference="Anderson & Roth 2018, EMBER: An Open Dataset for Training Static PE Malware Machine Learning Models",
)
class Ember(BinaryColumns):
    r"""The 616 columns of EMBER that need no parser, with its own numbers, in one pass: for files of any kind.

    256 fractions of byte values; 256 of high half-bytes by the entropy around them, see
    :class:`~img_repr.domains.binary.ember_counts.ByteEntropy` and the quirk that it keeps for files below 2048
    bytes; 104 of strings, see :class:`~img_repr.domains.binary.ember_counts.Strings`: their number, mean length and
    characters, the fraction of each character, their entropy in bits, and how often ``c:\``, ``http(s)://``, ``HKEY_``
    and ``MZ`` occur. The same in versions 1 and 2 of EMBER, where they come first of its 2351 and 2381. Of its ten
    general columns, the size is the feature set ``file_size``; the others come from a parser, as do all further ones.

    Examples
    --------
    >>> from img_repr.domains.binary.features import Ember
    >>> ember = Ember().fit([b"MZ, hello"])
    >>> row = dict(zip(ember.get_feature_names_out(), ember.transform([b"MZ, hello"])[0].tolist()))
    >>> len(row), row["strings"], row["string_length_mean"], row["mz"]
    (616, 1.0, 9.0, 1.0)
    """

    def _row(self, binary: Binary) -> np.ndarray:
        counts, entropy, strings = np.zeros(256, np.int64), ByteEntropy(), Strings()
        for chunk, known in known_chunks(binary):
            counts += np.bincount(chunk if known is None else chunk[known], minlength=256)
            entropy.add(chunk, known)
            strings.add(chunk, known)
        return np.hstack([fractions(counts), fractions(entropy.close().table.ravel()), strings.columns()])

    def _names(self) -> list[str]:
        joint = [f"entropy_{row / 2:.1f}_high_{high:x}" for row in range(BINS) for high in range(16)]
        return [*_BYTE_NAMES, *joint, *STRING_NAMES]


@features(
    BINARY,
    name="file_size",
    reference="Nataraj et al. 2011, Malware Images: Visualization and Automatic Classification, whose widths reveal it",
    leak_only=True,
)
class FileSize(BinaryColumns):
    """The binary logarithm of the number of bytes, and nothing of their content: one column.

    Examples
    --------
    >>> from img_repr.domains.binary.features import FileSize
    >>> FileSize().fit_transform([bytes(1024), b"x"]).tolist()
    [[10.0], [0.0]]
    """

    def _row(self, binary: Binary) -> np.ndarray:
        return np.array([math.log2(len(binary))])

    def _names(self) -> list[str]:
        return ["log2_bytes"]


def _check_flag(caller: str, sqrt: bool) -> None:
    if not isinstance(sqrt, bool):
        raise ParameterError(f"{caller}: expected sqrt to be true or false, got {sqrt!r}")
