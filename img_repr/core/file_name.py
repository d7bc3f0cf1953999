"""Text as a short valid file name, and as one printable line."""

import hashlib
import unicodedata

_MOST_BYTES = 80  # of a file name: file systems allow 255, prefixes and suffixes included
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str, most: int | None = None) -> str:
    r"""Return text as one line that UTF-8 can encode, with escapes.

    Bytes of file names that are not UTF-8, control characters, line breaks, and marks that change the direction of
    text are escaped.

    Parameters
    ----------
    text : str
    most : int, optional
        Number of characters; longer text is shortened in the middle.

    Examples
    --------
    >>> from img_repr.core.file_name import printable
    >>> printable("cl\udcff\n"), printable("0123456789", most=5)
    ('cl\\xff\\n', '01…89')
    """
    if not text.isprintable():
        text = "".join(map(_escaped, text))
    if most is not None and len(text) > most:
        text = f"{text[: most // 2]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (most - 1) // 2 :]}"
    return text


def _escaped(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte that is not UTF-8, as Python reads file names
        return f"\\x{ord(sign) - 0xDC00:02x}"
    if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _BIDI:
        return sign.encode("unicode_escape").decode()
    return sign


def file_name(text: str, *, ascii_only: bool = False, filler: str = "_") -> str:
    """Return a file name valid on every file system: letters, digits, ``-``, ``_`` and inner ``.``.

    Parameters
    ----------
    text : str
    ascii_only : bool
        Replace letters of other alphabets too.
    filler : str
        Replaces every other character.

    Returns
    -------
    str
        At most 80 bytes; a longer name ends with digits of its sha256.

    Examples
    --------
    >>> from img_repr.core.file_name import file_name
    >>> file_name("a/b"), file_name(".."), file_name("größe 1", ascii_only=True, filler="-")
    ('a_b', '_', 'gr--e-1')
    >>> len(file_name("x" * 300)), file_name("x" * 300) == file_name("x" * 301)
    (80, False)
    """
    plain = "".join(
        sign if (sign.isalnum() and (sign.isascii() or not ascii_only)) or sign in "-_." else filler for sign in text
    )
    plain = plain.strip(".") or filler
    if len(plain.encode()) > _MOST_BYTES:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        plain = f"{plain.encode()[: _MOST_BYTES - 9].decode(errors='ignore')}-{digest}"
    return plain
