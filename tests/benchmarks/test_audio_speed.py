"""Speed and memory next to librosa, on the same sounds in the same run, one thread: ``make bench``.

Eight clips of five seconds are one work, so that a clip costs what it costs in a data set; librosa has been called
before, so that its first call, which compiles, does not count.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import torch

from img_repr import encode_chroma, encode_cqt, encode_melspectrogram, encode_mfcc, encode_stft, encode_tempogram

pytestmark = pytest.mark.benchmark

CLIPS, SECONDS = 8, 5


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def clips_of(rate: int) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.1, size=(CLIPS, SECONDS * rate)).astype(np.float32)


def each(work: Callable[[np.ndarray], Any], clips: np.ndarray) -> Callable[[], Any]:
    return lambda: [work(clip) for clip in clips]


@pytest.mark.parametrize(("rate", "bar"), [(44_100, 2.9), (22_050, 3.4)])
def test_log_mel(rate: int, bar: float, ratio: Any, say: Any) -> None:
    clips = clips_of(rate)
    theirs = each(lambda clip: librosa.power_to_db(librosa.feature.melspectrogram(y=clip, sr=rate), ref=np.max), clips)
    faster = ratio(theirs, lambda: encode_melspectrogram(clips, sample_rate_hz=rate), rounds=9)
    say(f"log-mel, 128 bands, 5 s at {rate / 1000:g} kHz", faster, "x librosa", bar)
    assert faster >= bar


@pytest.mark.parametrize(
    ("encode", "theirs", "bar"),
    [
        (encode_cqt, lambda clip: librosa.amplitude_to_db(np.abs(librosa.cqt(clip, sr=22_050)), ref=np.max), 3.0),
        (encode_chroma, lambda clip: librosa.feature.chroma_stft(y=clip, sr=22_050), 3.0),
        (encode_mfcc, lambda clip: librosa.feature.mfcc(y=clip, sr=22_050), 1.5),
        (encode_tempogram, lambda clip: librosa.feature.tempogram(y=clip, sr=22_050), 1.5),
        (encode_stft, lambda clip: librosa.amplitude_to_db(np.abs(librosa.stft(clip)), ref=np.max), 1.0),
    ],
    ids=["cqt", "chroma", "mfcc", "tempogram", "stft"],
)
def test_other_encoders(encode: Any, theirs: Any, bar: float, ratio: Any, say: Any) -> None:
    clips = clips_of(22_050)
    faster = ratio(each(theirs, clips), lambda: encode(clips, sample_rate_hz=22_050), rounds=7)
    say(f"{encode.__name__}, 5 s at 22.05 kHz", faster, "x librosa", bar)
    assert faster >= bar


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the high-water mark is read as Linux has it")
def test_memory_of_64_clips(say: Any) -> None:
    """Peak over the memory in which the clips lie, ours next to librosa's on the whole batch."""
    code = """
import sys
from pathlib import Path
import numpy as np
clips = np.random.default_rng(0).normal(scale=0.1, size=(64, 5 * 44_100)).astype(np.float32)
if sys.argv[1] == "ours":
    from img_repr import encode_melspectrogram
    work = lambda clips: encode_melspectrogram(clips, sample_rate_hz=44_100)
else:
    import librosa
    work = lambda clips: librosa.power_to_db(librosa.feature.melspectrogram(y=clips, sr=44_100), ref=np.max)
work(clips[:1])
def status(word):
    return int(Path("/proc/self/status").read_text().split(word + ":")[1].split()[0]) / 1024
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
images = work(clips)
assert images.shape == (64, 128, 431)
print(status("VmHWM") - before)
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ours, theirs = (
        float(
            subprocess.run(
                [sys.executable, "-c", code, caller], capture_output=True, text=True, check=True, env=environment
            ).stdout
        )
        for caller in ("ours", "theirs")
    )
    say("64 clips of 5 s at 44.1 kHz: peak over the start, librosa", theirs, "MB    ", theirs)
    say("64 clips of 5 s at 44.1 kHz: peak over the start, ours", ours, "MB    ", theirs)
    assert 0.0 < ours < theirs
