"""Files that are data of another kind by their names or first bytes; every file is a binary, so that these go first."""

from pathlib import Path

_SOUNDS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".caf", ".w64", ".au", ".snd"),
    *(".rf64", ".voc", ".bwf", ".mp2", ".sph", ".nist"),
    *(".m4a", ".mp4", ".aac", ".wma", ".webm", ".mka", ".mkv", ".amr", ".ac3"),
)
_TABLES = (
    *(".csv", ".tsv", ".txt", ".dat", ".ts", ".arff", ".json", ".jsonl", ".npy", ".npz", ".mat", ".edf"),
    *(".h5", ".hdf5", ".parquet", ".feather", ".arrow", ".pkl", ".xls", ".xlsx", ".sqlite", ".db"),
)
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_TEXT = frozenset([*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\n\r\f\b\x1b"])
_PEEK = 512


def is_foreign(file: Path) -> bool:
    """Return whether a name ends as that of a sound, a series, a trace or a table of them."""
    return file.suffix.lower() in (*_SOUNDS, *_TABLES)


def is_image(file: Path) -> bool:
    """Return whether a name ends as that of an image."""
    return file.suffix.lower() in _IMAGES


def is_text(file: Path) -> bool:
    """Return whether the first bytes are those of a text, byte by byte; also true of an empty file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.foreign import is_text
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a")
    ...     for content in (b"words", bytes(4)):
    ...         _ = file.write_bytes(content)
    ...         print(is_text(file))
    True
    False
    """
    try:
        with file.open("rb") as opened:
            return set(opened.read(_PEEK)) <= _TEXT
    except OSError:
        return True
