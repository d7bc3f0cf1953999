"""Peers that run in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

INSTALL = "uv pip install --constraint constraints.txt --editable '.[peers]'"


class Fastai:
    """fastai in its own process, see ``fastai_peer.py``, on images as PNG files.

    Parameters
    ----------
    parts : dict
        Gray images ``(N, 1, H, W)`` of uint8 and their labels, by ``"train"`` and ``"valid"``.
    folder : Path
    """

    def __init__(self, parts: Mapping[str, tuple[Any, Any]], folder: Path) -> None:
        for name, (images, labels) in parts.items():
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                file = folder / name / str(label) / f"{number:03d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.asarray(image[0])).save(file)
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fastai_peer.py")), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.last: dict[str, Any] = {}

    def begin(self, **work: Any) -> dict[str, Any]:
        """Send a work and wait until it is done, or waits for its first turn."""
        return self._send(json.dumps(work))

    def step(self) -> None:
        """Let it take a step; the last one of an epoch has the validation behind it."""
        self._send("")

    def end(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def _send(self, line: str) -> dict[str, Any]:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "fastai ended before its answer; its words are above"
        self.last = json.loads(answer)
        return self.last
