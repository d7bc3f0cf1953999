"""Synthetic sounds: made by code from a seed, so that every command can be tried without a download."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError
from img_repr.core.loader import loader
from img_repr.core.numbers import is_integer
from img_repr.domains.audio.recording import Recording
from img_repr.domains.audio.sample import AUDIO

_RATE_HZ = 16000
_SOURCES = 8
_CLIPS = 3  # per class and source
_HELD_OUT = ("source 6", "source 7")


@dataclass(frozen=True)
class _Source:
    """Source of the sounds of one group: its voice, its room and its microphone."""

    pitch_hz: float
    overtones: np.ndarray
    level: float
    noise: float
    dullness: float
    echo_s: float

    @classmethod
    def sample(cls, random: np.random.Generator) -> "_Source":
        return cls(
            pitch_hz=float(np.exp(random.uniform(np.log(140), np.log(900)))),
            overtones=random.uniform(0.0, 1.0, 5) / np.arange(1, 6),
            level=10.0 ** random.uniform(-1.5, -0.3),
            noise=10.0 ** random.uniform(-1.0, 0.0),
            dullness=random.uniform(0.0, 0.9),
            echo_s=random.uniform(0.02, 0.12),
        )

    def tone(self, pitch_hz: np.ndarray) -> np.ndarray:
        """Overtones on a course of pitches ``(T,)``."""
        turns = 2.0 * np.pi * np.cumsum(pitch_hz) / _RATE_HZ
        strengths = np.concatenate([[1.0], self.overtones])
        return np.asarray(strengths @ np.sin(np.outer(np.arange(1, 7), turns)))

    def record(self, sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Set a sound into silence, room and noise."""
        before, after = (random.uniform(0.0, 0.25, 2) * _RATE_HZ).astype(int)
        fade = np.minimum(1.0, np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / (0.02 * _RATE_HZ))
        wave = np.pad(sound / np.sqrt(np.mean(sound**2)) * fade, (before, after))
        delay = int(self.echo_s * _RATE_HZ)
        wave[delay:] += 0.4 * wave[:-delay]
        hiss = random.normal(size=len(wave) + 1)
        hiss = hiss[1:] + self.dullness * hiss[:-1]
        return (self.level * 0.2 * (wave + self.noise * hiss)).astype(np.float32)


Sound = Callable[[_Source, np.ndarray, np.random.Generator], np.ndarray]


def _glide(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Course of pitches that rises by a few tones to an octave."""
    course = time / time[-1]
    return _pitch(source, random) * np.asarray(2.0 ** (random.uniform(0.3, 1.2) * course ** random.uniform(0.6, 1.6)))


def _pitch(source: _Source, random: np.random.Generator) -> float:
    return source.pitch_hz * float(2.0 ** random.uniform(-0.5, 0.5))


def _rising(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return source.tone(_glide(source, time, random))


def _falling(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return source.tone(_glide(source, time, random)[::-1])


def _steady(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    wobble = 0.02 * np.sin(2.0 * np.pi * random.uniform(3.0, 6.0) * time + random.uniform(0.0, 6.0))
    return source.tone(_pitch(source, random) * (1.0 + wobble))


def _tremolo(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    beat = np.sin(2.0 * np.pi * random.uniform(4.0, 9.0) * time + random.uniform(0.0, 6.0))
    return _steady(source, time, random) * (1.0 + random.uniform(0.5, 0.9) * beat)


def _bursts(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    gate = np.sin(2.0 * np.pi * random.uniform(4.0, 9.0) * time + random.uniform(0.0, 6.0)) > random.uniform(0.0, 0.5)
    carrier = np.cos(2.0 * np.pi * 3.0 * _pitch(source, random) * time)
    return np.asarray(gate * random.normal(size=len(time)) * (0.3 + np.abs(carrier)))


def _clicks(source: _Source, time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    since = np.mod(time + random.uniform(0.0, 1.0), 1.0 / random.uniform(5.0, 14.0))
    return np.asarray(
        np.exp(-since / random.uniform(0.004, 0.012)) * source.tone(np.full(len(time), 3.0 * source.pitch_hz))
    )


_SOUNDS: dict[str, Sound] = {
    "rising": _rising,
    "falling": _falling,
    "steady": _steady,
    "tremolo": _tremolo,
    "bursts": _bursts,
    "clicks": _clicks,
}


@loader(AUDIO, bundled=True)
def load_synthetic_sounds(*, seed: int = 0) -> Dataset:
    """Make the synthetic sounds: six classes of 24 clips of about a second at 16 kHz.

    The classes are a tone whose pitch rises, falls, or stays, a tone whose loudness beats, bursts of noise, and
    clicks. Eight sources, the groups, have three clips of each class; each has its own pitch, overtones, level, room
    and background noise, so that a source that is held out sounds new. The last two are the test part. Scores on
    these sounds show that a method works, and say nothing of real sounds.

    Parameters
    ----------
    seed : int
        Seed of the random generator.

    Returns
    -------
    Dataset
        144 recordings, float32; ``names`` class, source and number of each.

    Raises
    ------
    ParameterError
        If the seed is no integer from 0.

    Examples
    --------
    >>> from img_repr.domains.audio.synthetic import load_synthetic_sounds
    >>> data = load_synthetic_sounds()
    >>> len(data), data.classes
    (144, ('bursts', 'clicks', 'falling', 'rising', 'steady', 'tremolo'))
    """
    if not is_integer(seed, 0):
        raise ParameterError(f"synthetic_sounds: expected seed to be an integer from 0, got {seed!r:.40}")
    random = np.random.default_rng(seed)
    samples, labels, groups, names = [], [], [], []
    for number in range(_SOURCES):
        source = _Source.sample(random)
        for name, sound in _SOUNDS.items():
            for clip in range(_CLIPS):
                time = np.arange(int(random.uniform(0.6, 0.9) * _RATE_HZ)) / _RATE_HZ
                samples.append(Recording(source.record(sound(source, time, random), random), _RATE_HZ))
                labels.append(name)
                groups.append(f"source {number}")
                names.append(f"{name}, source {number}, clip {clip}")
    return Dataset(
        "SyntheticSounds",
        AUDIO,
        samples,
        labels=np.array(labels),
        groups=np.array(groups),
        names=np.array(names),
        split=np.where(np.isin(groups, _HELD_OUT), "test", "train"),
        notes=(f"synthetic: made by code from seed {seed}; scores say nothing of real sounds",),
    )
