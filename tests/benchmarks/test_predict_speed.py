"""Predictions of 10,000 small files: as fast as reading headers, encoding and the network alone, in constant memory."""

import os
import threading
import time

import numpy as np
import psutil
import pytest

from img_repr import ImageClassifier
from img_repr.core.loader import load_dataset
from img_repr.training.predictions import BATCH_SIZE, predict_sources

pytestmark = pytest.mark.benchmark
FILES = int(os.environ.get("IMG_REPR_PREDICT_FILES", "10000"))


class Memory:
    """Resident memory over time."""

    def __enter__(self):
        self.found, self.done = [], threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def _watch(self):
        while not self.done.wait(0.05):
            self.found.append(psutil.Process().memory_info().rss)


def test_ten_thousand_files(tmp_path):
    import soundfile

    random = np.random.default_rng(0)
    for number in range(FILES):
        path = tmp_path / "sounds" / "ab"[number % 2] / f"{number:05d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, random.normal(scale=0.1, size=8000), 8000)
    data = load_dataset(tmp_path / "sounds", lazy=True)
    model = ImageClassifier("melspectrogram", size=64, epochs=1, min_steps=1).fit(
        data.subset(np.linspace(0, FILES - 1, 64).astype(int))
    )

    def alone():
        for start in range(0, FILES, BATCH_SIZE):
            model.predict_proba(data.take(range(start, min(start + BATCH_SIZE, FILES))))

    def streamed():
        assert sum(map(len, predict_sources(model, [str(tmp_path / "sounds")]))) == FILES

    def headers():
        load_dataset(tmp_path / "sounds", lazy=True)

    model.predict_proba(data.take(range(BATCH_SIZE)))
    seconds = {}
    for name, work in (("headers", headers), ("alone", alone), ("streamed", streamed)):
        with Memory() as memory:
            started = time.process_time()
            work()
            seconds[name] = time.process_time() - started
    half = len(memory.found) // 2
    grown = (max(memory.found[half:]) - max(memory.found[:half])) / 1e6
    known = seconds["headers"] + seconds["alone"]
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    print(f"\n{FILES} files: {parts} of CPU time; memory grew by {grown:.0f} MB in the second half")
    assert seconds["streamed"] < 1.1 * known
    assert grown < 20
