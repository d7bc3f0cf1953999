"""Texts of the options that the audio encoders share, written once and filled into their docstrings."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = {
    "recordings": """
    recordings : Recording, list of Recording, or waveforms (T,), (N, T), (N, C, T) or a list of (T,)
        numpy or torch; floats of full scale 1, or PCM.
""",
    "timing": """
    sample_rate_hz : int, optional
        Sample rate of plain waveforms, required for them. Recordings with another rate are resampled to it.
    duration_s : float, optional
        Seconds that every image spans: longer recordings lose their end, shorter ones are padded with silence.
        Default: the length of each recording. ``"fit"``: the length that holds 95 % of the training recordings whole.
""",
    "preset": """
    preset : {"librosa", "speech", "environment"}
        Framing used if the options below are not set: windows of 2048 samples every 512; of 25 ms every 10 ms; of
        50 ms every 7 ms.
""",
    "windows": """
    n_fft : int, optional
        Length of the Fourier transform. Default: the preset's, or the smallest power of two that holds the window.
    win_length, hop_length : int, optional
        Length of the Hann window and distance between windows, in samples.
    window_ms, hop_ms : float, optional
        The same in milliseconds.
""",
    "mel_scale": """
    fmin_hz, fmax_hz : float, optional
        Lower bound of the lowest band and upper bound of the highest. Default: 0 and half the sample rate.
    htk : bool
        Use HTK's mel scale instead of Slaney's.
""",
    "output": """
    lengths : array_like of int, shape (N,), optional
        Valid lengths of padded waveforms.
    dtype : optional
        float32 (default), float64 (default for float64 waveforms), float16, bfloat16 or uint8.
    out : optional
        A contiguous buffer to write into.
""",
}
"""Entries of a section "Parameters", by the name of the placeholder that stands for them."""


def fill_docstring(function: F) -> F:
    """Replace each line ``{name}`` of a docstring by the text of ``OPTIONS[name]``; return the same function.

    The signature is untouched, so ``help()``, type checkers and editors see every option.

    Examples
    --------
    >>> from img_repr.domains.audio.melspectrogram import encode_melspectrogram
    >>> "hop_ms : float" in encode_melspectrogram.__doc__
    True
    """
    if function.__doc__:  # absent under python -OO
        indent = r"[ ]*"  # Python 3.13 strips the indentation of docstrings
        function.__doc__ = re.sub(rf"^({indent})\{{(\w+)\}}$", _filled, function.__doc__, flags=re.MULTILINE)
    return function


def _filled(line: re.Match[str]) -> str:
    lines = OPTIONS[line[2]].strip("\n").split("\n")
    return "\n".join(line[1] + text[4:] for text in lines)
