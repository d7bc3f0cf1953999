"""Speech Commands."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.audio.speech_commands import load_speech_commands

SPEAKERS = {"0a7c2a8d": "train", "1b4c9b89": "validation", "2c6d3924": "testing"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads" / "speech_commands_v0.02"
    lists: dict[str, list[str]] = {"validation": [], "testing": []}
    for word in ("yes", "no", "cat"):
        (folder / word).mkdir(parents=True)
        for speaker, part in SPEAKERS.items():
            for take in (0, 1):
                name = f"{word}/{speaker}_nohash_{take}.wav"
                soundfile.write(folder / name, np.zeros(1600), 16000)
                if part in lists:
                    lists[part].append(name)
    for part, names in lists.items():
        (folder / f"{part}_list.txt").write_text("\n".join(names) + "\n")
    (folder / "_background_noise_").mkdir()
    soundfile.write(folder / "_background_noise_" / "pink_noise.wav", np.zeros(16000), 16000)
    (folder / "_background_noise_" / "README.md").write_text("noise")
    return folder


def test_the_lists_are_the_split(root: Path):
    for path in (root, root.parent):
        data = load_dataset(path)
        assert (data.name, len(data), data.classes) == ("SpeechCommands", 18, ("cat", "no", "yes"))
        assert np.unique(data.groups).tolist() == sorted(SPEAKERS)
        assert ((data.split == "test") == (data.groups == "2c6d3924")).all()
        assert set(data.split) == {"train", "test"}
        assert data.notes == (
            "left out 1 files not called like yes/0a7c2a8d_nohash_0.wav: _background_noise_/pink_noise.wav",
        )
        assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["speech_commands"]


def test_fewer_words(root: Path):
    data = load_speech_commands(root, words=("yes", "no"))
    assert (len(data), data.classes) == (12, ("no", "yes"))
    for word in ("dog", "_background_noise_"):
        with pytest.raises(ParameterError, match=f"expected words of cat, no, yes, got '{word}'"):
            load_speech_commands(root, words=("yes", word))


def test_reports_missing_lists_and_recordings(root: Path, tmp_path: Path):
    with pytest.raises(DataError, match=r"expected the list testing_list\.txt, got: .*No such file"):
        load_speech_commands(tmp_path / "none")
    (root / "validation_list.txt").unlink()
    assert not LOADERS["speech_commands"].recognizes(root)
    (root / "validation_list.txt").touch()
    for file in root.glob("*/*.wav"):
        file.unlink()
    with pytest.raises(DataError, match=r"expected files like yes/0a7c2a8d_nohash_0\.wav, got none"):
        load_speech_commands(root)
