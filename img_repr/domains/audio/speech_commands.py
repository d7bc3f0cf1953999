"""Speech Commands: a folder per word; the publisher's lists keep each speaker on one side."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from img_repr.core.csv_reader import read_text
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import is_file, names_in, text_of
from img_repr.core.loader import loader
from img_repr.core.named_files import holds_name, read_named_files
from img_repr.domains.audio.assembly import assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_LISTS = ("validation_list.txt", "testing_list.txt")
_UTTERANCE = re.compile(r"(?P<speaker>[0-9a-f]+)_nohash_(?P<take>\d+)\.(?i:wav)")
_PATH = re.compile(rf"(?P<word>[^/]+)/{_UTTERANCE.pattern}")
_NOISE = "_background_noise_"


def _root(path: Path) -> Path:
    """Return the folder of the lists: the path, or the one folder in it that downloads make."""
    inside = [name for name in names_in(path) if name.startswith("speech_commands_v")]
    return path if is_file(path / _LISTS[1]) or len(inside) != 1 else path / inside[0]


def is_speech_commands(path: Path) -> bool:
    """Return whether a folder is this data set."""
    root = _root(path)
    return all(is_file(root / one) for one in _LISTS) and any(
        holds_name(root / name, _UTTERANCE) for name in names_in(root)
    )


@loader(AUDIO, recognizes=is_speech_commands)
def load_speech_commands(
    path: str | Path, *, words: str | Iterable[str] | None = None, **reading: Unpack[Reading]
) -> Dataset:
    """Load Speech Commands: spoken words of one second, 16 kHz, split by speaker.

    The part for validation joins the training part, from which a trainer cuts its own. Noise from the folder
    ``_background_noise_`` is no word and is left out, as a note says. All 105,829 recordings of version 2 are 6.8 GB
    as floats; ``words=`` takes fewer, ``cache=`` keeps half of that, on disk.

    Parameters
    ----------
    path : str or Path
        The folder of the words and lists, or the one that holds it alone (``speech_commands_v0.02``).
    words : str or iterable of str, optional
        Only this one, or these. Default: all.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        ``labels`` words, ``groups`` speakers, ``split`` train and test.

    Raises
    ------
    DataError
        If there is no recording, a list is missing, or a file cannot be read.

    References
    ----------
    Warden 2018, Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition, arXiv:1804.03209.
    """
    root = _root(Path(path))
    try:
        test = {text_of(name) for name in read_text(root / _LISTS[1]).split()}
    except DataError as error:
        raise DataError(f"{root}: expected the list {_LISTS[1]}, got: {error}") from None
    found = read_named_files(
        root,
        _PATH,
        example="yes/0a7c2a8d_nohash_0.wav",
        is_sample=is_sound,
        skip_unreadable=reading.get("skip_unreadable", False),
    )
    known = sorted({name["word"] for name in found.matches} - {_NOISE})
    chosen = known if words is None else [words] if isinstance(words, str) else [*words]
    for word in chosen:
        if word not in known:
            raise ParameterError(f"speech_commands: expected words of {', '.join(known)}, got {word!r}")
    kept = [at for at, name in enumerate(found.matches) if name["word"] in chosen]
    return assemble(
        "SpeechCommands",
        [found.files[at] for at in kept],
        names=[found.names[at] for at in kept],
        labels=[found.matches[at]["word"] for at in kept],
        groups=[found.matches[at]["speaker"] for at in kept],
        split=["test" if found.names[at] in test else "train" for at in kept],
        notes=found.notes,
        **reading,
    )
