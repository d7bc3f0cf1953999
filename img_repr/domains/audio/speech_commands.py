"""Speech Commands: a folder per word; the publisher's lists keep each speaker on one side."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.audio.assembly import assemble, entries, holds
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_LISTS = ("validation_list.txt", "testing_list.txt")
_UTTERANCE = re.compile(r"(?P<speaker>[0-9a-f]+)_nohash_(?P<take>\d+)\.wav")
_NOISE = "_background_noise_"


def _root(path: Path) -> Path:
    """Give the folder of the lists: the path, or the one folder in it that downloads make."""
    inside = sorted(one for one in entries(path) if one.name.startswith("speech_commands_v"))
    return path if (path / _LISTS[1]).is_file() or len(inside) != 1 else inside[0]


def is_speech_commands(path: Path) -> bool:
    """Whether a folder is this data set."""
    try:
        root = _root(path)
        return all((root / one).is_file() for one in _LISTS) and any(holds(one, _UTTERANCE) for one in entries(root))
    except OSError:
        return False


@loader(AUDIO, recognises=is_speech_commands)
def load_speech_commands(
    path: str | Path, *, words: Iterable[str] | None = None, **reading: Unpack[Reading]
) -> Dataset:
    """Load Speech Commands: spoken words of one second, 16 kHz, split by speaker.

    The part for validation joins the training part, from which a trainer cuts its own. Noise from the folder
    ``_background_noise_`` is no word and is left out, as a note says. All 105,829 recordings of version 2 are 6.8 GB
    as floats; ``words=`` takes fewer, ``cache=`` keeps half of that, on disk.

    Parameters
    ----------
    path : str or Path
        The folder of the words and lists, or the one that holds it alone (``speech_commands_v0.02``).
    words : iterable of str, optional
        Only these. Default: all.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        ``labels`` words, ``groups`` speakers, ``parts`` train and test.

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
        test = set((root / _LISTS[1]).read_text("utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{root}: expected the list {_LISTS[1]}, got: {error}") from None
    known = {folder.name: folder for folder in entries(root) if folder.is_dir() and folder.name != _NOISE}
    chosen = sorted(known) if words is None else list(dict.fromkeys(words))
    for word in chosen:
        if word not in known:
            raise ParameterError(f"speech_commands: expected words of {', '.join(sorted(known))}, got {word!r}")
    found = sorted(
        (file, name["speaker"])
        for word in chosen
        for file in entries(known[word])
        if (name := _UTTERANCE.fullmatch(file.name))
    )
    if not found:
        raise DataError(f"{root}: expected files like yes/0a7c2a8d_nohash_0.wav, got none")
    parts = ["test" if f"{file.parent.name}/{file.name}" in test else "train" for file, _ in found]
    noise = (f"left out {_NOISE}, which holds no words",) if (root / _NOISE).is_dir() else ()
    return assemble(
        "SpeechCommands",
        [file for file, _ in found],
        labels=[file.parent.name for file, _ in found],
        groups=[speaker for _, speaker in found],
        parts=parts,
        notes=noise,
        **reading,
    )
