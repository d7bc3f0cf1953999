"""Acoustic features: librosa's numbers, finite rows of whatever sounds or does not, and bars on real sounds."""

import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import make_pipeline

from img_repr.baselines.tabular import TabularBaseline
from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.features import get_features
from img_repr.core.loader import load_dataset
from img_repr.core.splits.cuts import group_splits, published_splits
from img_repr.domains.audio.clip_statistics import fitted_framing, in_slices, measure, over_the_clip
from img_repr.domains.audio.features import AcousticFeatures
from img_repr.domains.audio.recording import Recording, make_recordings, resample

RATES = (4000, 8000, 16000, 22050, 44100, 192000)


def glide(rate: int, seconds: float = 1.0) -> np.ndarray:
    """A synthetic sound with something for every feature: a glide over noise that grows, in float32."""
    random = np.random.default_rng(0)
    place = np.arange(int(rate * seconds)) / rate
    tone = np.sin(2 * np.pi * (0.02 * rate + 0.1 * rate * place) * place)
    return (0.3 * tone + 0.1 * place * random.normal(size=len(place))).astype(np.float32)


def columns_of(fitted: AcousticFeatures, recordings: list[Recording]) -> dict[str, np.ndarray]:
    return dict(zip(fitted.get_feature_names_out(), fitted.transform(recordings).T, strict=True))


@pytest.mark.parametrize("rate", [8000, 44100])
def test_courses_are_librosas(rate: int) -> None:
    wave, framing = glide(rate), fitted_framing(rate)
    shape = {"n_fft": framing.n_fft, "hop_length": framing.hop_length}
    magnitudes = np.abs(librosa.stft(wave, **shape))
    found = measure(wave, framing)
    expected = {
        "centroid": librosa.feature.spectral_centroid(S=magnitudes, sr=rate)[0],
        "bandwidth": librosa.feature.spectral_bandwidth(S=magnitudes, sr=rate)[0],
        "rolloff": librosa.feature.spectral_rolloff(S=magnitudes, sr=rate)[0],
        "flatness": 10 * np.log10(librosa.feature.spectral_flatness(S=magnitudes)[0]),
        "zero_crossings": librosa.feature.zero_crossing_rate(
            wave, frame_length=framing.n_fft, hop_length=framing.hop_length
        )[0],
        "level": 20 * np.log10(librosa.feature.rms(S=magnitudes, frame_length=framing.n_fft)[0]),
        "chroma_A": librosa.feature.chroma_stft(S=magnitudes**2, sr=rate, tuning=0.0)[9],
    }
    mels = 37 if rate == 8000 else 92
    bands = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitudes**2, sr=rate, n_mels=mels))
    cepstra = librosa.feature.mfcc(S=bands, n_mfcc=20)
    for number in (0, 1, 19):
        expected[f"mfcc_{number}"] = cepstra[number]
        expected[f"mfcc_speed_{number}"] = librosa.feature.delta(cepstra)[number]
        expected[f"mfcc_acceleration_{number}"] = librosa.feature.delta(cepstra, order=2)[number]
    contrast = librosa.feature.spectral_contrast(S=magnitudes, sr=rate, n_bands=5 if rate == 8000 else 6)
    for number, course in enumerate(contrast):
        expected[f"contrast_{number}"] = course
    expected["onset"] = librosa.onset.onset_strength(S=bands, sr=rate, hop_length=framing.hop_length)
    for name, course in expected.items():
        np.testing.assert_allclose(found[name], course, rtol=2e-4, atol=2e-3, err_msg=name)


def test_only_windows_that_sound_are_measured() -> None:
    wave = glide(8000)
    padded = np.concatenate([wave, np.zeros(8000, np.float32)])
    framing = fitted_framing(8000)
    alone, filled = measure(wave, framing, 20.0), measure(padded, framing, 20.0)
    level = measure(wave, framing)["level"]
    assert len(alone["level"]) == (level >= level.max() - 20.0).sum()
    np.testing.assert_allclose(
        filled["centroid"][:-4], alone["centroid"][: len(filled["centroid"]) - 4], rtol=1e-5, atol=1e-2
    )
    assert abs(len(filled["level"]) - len(alone["level"])) <= 4
    every = AcousticFeatures(depth_db=float("inf"), sample_rate_hz=8000).fit([padded])
    assert columns_of(every, [Recording(padded, 8000)])["sounding_fraction"][0] == 1.0
    usual = AcousticFeatures(sample_rate_hz=8000).fit([padded])
    assert columns_of(usual, [Recording(padded, 8000)])["sounding_fraction"][0] == pytest.approx(0.5, abs=0.05)


def test_statistics_and_slices_of_a_known_course() -> None:
    ramp = np.arange(100.0)
    found = over_the_clip({"x": ramp})
    assert found == pytest.approx(
        {"x_mean": 49.5, "x_deviation": ramp.std(), "x_below": 49.5 - 9.9, "x_above": 89.1 - 49.5}
    )
    slices = in_slices({"mfcc_0": ramp + 7.0, "mfcc_acceleration_0": ramp, "centroid": ramp})
    assert len(slices) == 10
    assert [slices[f"mfcc_0_slice_{number}_mean"] for number in range(5)] == pytest.approx([-40, -20, 0, 20, 40])
    assert slices["mfcc_0_slice_3_deviation"] == pytest.approx(np.arange(20).std())


def test_constant_coloring_changes_means_only() -> None:
    """A gain adds to the first cepstrum of every window; slices and distances do not change."""
    loud = [Recording(glide(8000), 8000)]
    quiet = [Recording(0.5 * glide(8000), 8000)]
    fitted = AcousticFeatures().fit(loud)
    first, second = columns_of(fitted, loud), columns_of(fitted, quiet)
    changed = {name for name in first if abs(first[name][0] - second[name][0]) > 1e-3}
    assert {"mfcc_0_mean", "level_mean"} <= changed
    assert not {name for name in changed if "slice" in name or "chroma" in name or name.startswith("mfcc_0_b")}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", RATES)
def test_short_silent_and_extreme_sounds_have_finite_rows(rate: int) -> None:
    click = np.zeros(rate // 10, np.float32)
    click[7] = 1.0
    sounds = [
        *(np.ones(length, np.float32) for length in (1, 2, 3, 99)),
        *(np.zeros(length, np.float32) for length in (1, rate // 3)),
        click,
        np.full(rate // 5, 1e-30, np.float32),
        np.resize(np.array([1.0, -1.0], np.float32), rate // 7),
        glide(rate),
    ]
    recordings = [Recording(sound, rate) for sound in sounds]
    fitted = AcousticFeatures().fit(recordings)
    table = fitted.transform(recordings)
    names = fitted.get_feature_names_out()
    assert table.shape == (len(sounds), len(names)) == (len(sounds), len(set(names)))
    assert np.isfinite(table).all()
    assert columns_of(fitted, recordings)["duration_s"].tolist() == [len(sound) / rate for sound in sounds]


def test_rows_do_not_depend_on_the_batch() -> None:
    recordings = make_recordings(4)
    before = [one.waveform.copy() for one in recordings]
    fitted = AcousticFeatures().fit(recordings)
    whole = fitted.transform(recordings)
    np.testing.assert_array_equal(whole, np.concatenate([fitted.transform([one]) for one in recordings]))
    for kept, one in zip(before, recordings, strict=True):
        np.testing.assert_array_equal(kept, one.waveform)


def test_other_rates_are_brought_to_the_commonest_of_training() -> None:
    slow, fast = make_recordings(3, sample_rate_hz=8000), make_recordings(2, seed=1, sample_rate_hz=16000)
    fitted = AcousticFeatures().fit([*fast, *slow])
    assert fitted.sample_rate_hz_ == 8000
    waves = [resample(torch.from_numpy(one.waveform), 16000, 8000).numpy() for one in fast]
    np.testing.assert_array_equal(fitted.transform(fast), fitted.transform(waves))
    assert AcousticFeatures(sample_rate_hz=16000).fit([*fast, *slow]).sample_rate_hz_ == 16000
    assert AcousticFeatures().fit([slow[0], fast[0]]).sample_rate_hz_ == 16000  # of equally common rates the higher


def test_pcm_is_as_floats() -> None:
    wave = (glide(8000) * 2**14).astype(np.int16)
    fitted = AcousticFeatures(sample_rate_hz=8000).fit([wave])
    floats = wave.astype(np.float32) / 2**15
    np.testing.assert_array_equal(fitted.transform([wave]), fitted.transform(torch.from_numpy(floats)[None]))


def test_works_in_sklearn_pipeline() -> None:
    recordings = make_recordings(12)
    noise = [Recording(np.random.default_rng(k).normal(size=4000).astype(np.float32), 8000) for k in range(12)]
    samples, labels = [*recordings, *noise], np.repeat([0, 1], 12)
    pipeline = make_pipeline(AcousticFeatures(), ExtraTreesClassifier(20, random_state=0))
    held = np.arange(24) % 4 == 0
    fitted = clone(pipeline).fit([one for one, out in zip(samples, held, strict=True) if not out], labels[~held])
    assert fitted.score([one for one, out in zip(samples, held, strict=True) if out], labels[held]) == 1.0
    assert repr(clone(AcousticFeatures(sets=("slices",)))) == repr(AcousticFeatures(sets=("slices",)))
    assert isinstance(get_features("acoustic"), AcousticFeatures)


def test_sets_choose_columns() -> None:
    recordings = make_recordings(3)
    both = AcousticFeatures().fit(recordings)
    parts = [AcousticFeatures(sets=(one,)).fit(recordings) for one in ("statistics", "slices")]
    np.testing.assert_array_equal(both.transform(recordings), np.hstack([one.transform(recordings) for one in parts]))
    assert [one.transform(recordings).shape[1] for one in parts] == [342, 400]


def test_rejects_invalid_input() -> None:
    recordings = make_recordings(2)
    with pytest.raises(NotFittedError, match="AcousticFeatures: expected fit on training recordings first"):
        AcousticFeatures().transform(recordings)
    with pytest.raises(ParameterError, match=r"expected sets to be of \('statistics', 'slices'\), got \('tempo',\)"):
        AcousticFeatures(sets=("tempo",)).fit(recordings)
    with pytest.raises(ParameterError, match="expected depth_db to be decibels above 0, got -3"):
        AcousticFeatures(depth_db=-3).fit(recordings)
    with pytest.raises(ParameterError, match="expected sample_rate_hz= for plain waveforms"):
        AcousticFeatures().fit(np.ones((2, 400)))
    with pytest.raises(SampleError, match=r"expected a batch of mono recordings, .* got one"):
        AcousticFeatures().fit(recordings[0])
    with pytest.raises(SampleError, match="got waveforms of several channels"):
        AcousticFeatures(sample_rate_hz=8000).fit(np.ones((2, 2, 400), np.float32))


@pytest.mark.slow
def test_the_wing_imports_nothing_heavy() -> None:
    code = (
        "import sys, img_repr.domains.audio.features, img_repr.domains.audio.egemaps; "
        "print(*(name for name in ('librosa', 'numba', 'sklearn', 'soxr', 'opensmile') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.data
@pytest.mark.slow
def test_esc10_reaches_the_bar(data_folder: Path) -> None:
    dataset = load_dataset(data_folder / "esc10")
    scores = []
    for split in published_splits(dataset):
        baseline = TabularBaseline("acoustic", "logistic").fit(dataset.subset(split.train))
        scores.append((baseline.predict(dataset.take(split.test)) == dataset.labels[split.test]).mean())
    assert len(scores) == 5
    assert np.mean(scores) >= 0.86


@pytest.mark.data
@pytest.mark.slow
def test_digits_of_unseen_speakers_reach_the_bar(data_folder: Path) -> None:
    dataset = load_dataset(data_folder / "fsdd")
    scores = {sets: [] for sets in (("statistics", "slices"), ("statistics",))}
    for split in group_splits(dataset):
        for sets, found in scores.items():
            baseline = TabularBaseline("acoustic", "logistic", sets=sets).fit(dataset.subset(split.train))
            found.append((baseline.predict(dataset.take(split.test)) == dataset.labels[split.test]).mean())
    with_slices, without = (np.mean(found) for found in scores.values())
    assert with_slices >= 0.72
    assert with_slices - without > 0.1
