"""One sound file as a data set of one recording, without a label: for prediction."""

from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.file_tree import is_file, text_of
from img_repr.core.loader import loader
from img_repr.domains.audio.assembly import assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO


@loader(AUDIO, recognizes=lambda path: is_sound(path) and is_file(path))
def load_sound(path: str | Path, **reading: Unpack[Reading]) -> Dataset:
    """Load one sound file.

    Parameters
    ----------
    path : str or Path
    **reading
        ``sample_rate_hz`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        One recording, no label; ``names`` the name of the file.

    Raises
    ------
    DataError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.sound import load_sound
    >>> with tempfile.NamedTemporaryFile(suffix=".wav") as file:
    ...     soundfile.write(file.name, np.zeros(800), 8000)
    ...     load_sound(file.name).samples[0].duration_s
    0.1
    """
    path = Path(path)
    return assemble(path.stem, [path], names=[text_of(path.name)], **reading)
