"""Every view of every encoder gives the encoder's images, whatever holds the samples."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from img_repr import get_encoder, list_encoders
from img_repr.core.errors import ImgReprError, ParameterError, SampleError
from img_repr.core.metadata import ENCODERS
from img_repr.core.module import EncoderModule
from img_repr.core.transformer import EncoderTransformer
from img_repr.domains.audio.recording import Recording, make_recordings
from img_repr.domains.binary.sample import make_binaries
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.tabular.sample import make_rows
from img_repr.domains.timeseries.sample import make_series

NAMES = list_encoders()
every_encoder = pytest.mark.parametrize("name", NAMES)
numeric_encoder = pytest.mark.parametrize(
    "name", [name for name in NAMES if ENCODERS[name].domain.name in ("timeseries", "audio", "tabular")]
)
WAVES = np.stack([np.resize(one.waveform, 900) for one in make_recordings(3)]) / 2.0


def encoder_of(name: str, **more: Any) -> Any:
    known = ENCODERS[name].defaults()
    rate = {"sample_rate_hz": 8000} if "sample_rate_hz" in known else {}
    tuned = {"tuning": 0.0} if "tuning" in known else {}
    return get_encoder(name, size=8, **rate, **tuned, **more)


def matrix_of(name: str) -> np.ndarray:
    """Rows of numbers that the encoder takes, float64 ``(3, F)``."""
    return {"timeseries": make_series(3, length=20), "audio": WAVES.astype(np.float64), "tabular": make_rows(3)}[
        ENCODERS[name].domain.name
    ]


def numeric_forms(name: str) -> dict[str, Any]:
    rows = matrix_of(name)
    frozen = rows.copy()
    frozen.setflags(write=False)
    forms: dict[str, Any] = {
        "float64": rows,
        "float32": rows.astype(np.float32),
        "float16": rows.astype(np.float16),
        "read-only": frozen,
        "swapped bytes": rows.astype(">f8"),
        "Fortran": np.asfortranarray(rows),
        "negative strides": rows[:, ::-1].copy()[:, ::-1],
        "nested lists": rows.tolist(),
        "list of arrays": list(rows),
        "masked, nothing hidden": np.ma.masked_array(rows),
        "tensor": torch.from_numpy(rows),
        "tensor with a gradient, without recording": torch.from_numpy(rows).requires_grad_(),
        "list of tensors": list(torch.from_numpy(rows)),
        "one row": rows[:1],
    }
    if ENCODERS[name].domain.name == "timeseries":
        forms |= {
            "int8": np.round(rows * 8).astype(np.int8),
            "bool": rows > 0,
            "channels": np.stack([rows, -rows], axis=1),
            "ragged": [rows[0], rows[1, :11], rows[2]],
        }
    if ENCODERS[name].domain.name == "audio":
        pcm = np.round(rows * 2**14)
        forms |= {
            "int16": pcm.astype(np.int16),
            "int32": (pcm * 2**16).astype(np.int32),
            "uint8": np.round(rows * 100 + 128).astype(np.uint8),
            "recordings": [Recording(one, 8000) for one in rows],
            "recordings of PCM": [Recording(one.astype(np.int16), 8000) for one in pcm],
            "ragged": [rows[0], rows[1, :333]],
            "channels": np.stack([rows, -rows], axis=1),
        }
    return forms


def other_forms(name: str, folder: Path) -> dict[str, Any]:
    if ENCODERS[name].domain.name == "mouse":
        traces = make_traces(2)
        points = np.stack([traces[0].t_s, traces[0].x_px, traces[0].y_px], axis=1)
        return {
            "traces": traces,
            "one trace": traces[0],
            "points": points[None],
            "tensor": torch.from_numpy(points)[None],
        }
    contents = [one.read().tobytes() for one in make_binaries(2)]
    paths = [folder / str(number) for number in range(2)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    block = np.frombuffer(contents[0][:256] * 2, np.uint8).reshape(2, 256)
    return {
        "bytes": contents,
        "bytearrays": list(map(bytearray, contents)),
        "paths": paths,
        "text paths": list(map(str, paths)),
        "arrays": [np.frombuffer(one, np.uint8) for one in contents],
        "pieces": block,
        "tensor": torch.from_numpy(block.copy()),
    }


@every_encoder
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_function_encoder_transformer_and_module_give_the_same_images(name, tmp_path):
    encoder = encoder_of(name)
    numeric = ENCODERS[name].domain.name in ("timeseries", "audio", "tabular")
    for word, samples in (numeric_forms(name) if numeric else other_forms(name, tmp_path)).items():
        with torch.no_grad():
            images = encoder(samples)
            made = {
                "function": ENCODERS[name].function(samples, dtype="float64", **dict(encoder.parameters)),
                "transformer": clone(EncoderTransformer.from_encoder(encoder)).fit_transform(samples),
                "rows": clone(EncoderTransformer.from_encoder(encoder, flatten=True)).fit_transform(samples),
                "module": EncoderModule(encoder)(samples),
            }
        wanted = np.asarray(images.detach() if isinstance(images, torch.Tensor) else images)
        assert isinstance(made["module"], torch.Tensor), word
        assert isinstance(made["transformer"], np.ndarray), word
        np.testing.assert_array_equal(made["transformer"], wanted, err_msg=word)
        np.testing.assert_array_equal(made["module"].numpy(), wanted, err_msg=word)
        np.testing.assert_array_equal(made["rows"], wanted.reshape(len(wanted), -1), err_msg=word)
        assert np.prod(made["function"].shape) == wanted.size, word


@numeric_encoder
def test_data_frames_are_read_as_numbers(name):
    pandas = pytest.importorskip("pandas")
    rows = matrix_of(name)
    wanted = encoder_of(name)(rows)
    frame = pandas.DataFrame(rows, columns=[f"c{at}" for at in range(rows.shape[1])])
    levels = pandas.MultiIndex.from_tuples([(at // 4, at % 4) for at in range(rows.shape[1])])
    for same in (
        frame,
        frame.convert_dtypes(),
        frame.convert_dtypes(dtype_backend="pyarrow"),
        frame.astype(object),
        pandas.DataFrame(rows.astype(object), columns=levels),
    ):
        np.testing.assert_array_equal(encoder_of(name)(same), wanted)
        np.testing.assert_array_equal(EncoderTransformer.from_encoder(encoder_of(name)).fit_transform(same), wanted)
    for wrong in (frame.assign(c0=pandas.Timestamp("2020-01-01")), frame.assign(c0="1")):
        with pytest.raises(SampleError, match=f"^{name}: expected .*numbers"):
            encoder_of(name)(wrong)


@numeric_encoder
def test_what_a_mask_hides_is_missing(name):
    rows = matrix_of(name)
    hidden = np.ma.masked_array(rows, mask=np.zeros(rows.shape, bool))
    hidden[1, 3] = np.ma.masked
    hidden.data[1, 3] = 0.75
    for masked in (hidden, [hidden[0], hidden[1]]):
        with pytest.raises(SampleError, match="NaN"):
            encoder_of(name)(masked)
    if "missing" in ENCODERS[name].defaults():
        filling = encoder_of(name, missing="interpolate" if ENCODERS[name].domain.name == "timeseries" else 0.5)
        np.testing.assert_array_equal(filling(hidden), filling(hidden.filled(np.nan)))


@pytest.mark.parametrize("name", list_encoders("tabular"))
def test_columns_are_known_by_name(name):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(make_rows(20), columns=list("abcdefghijkl"))
    learned = {word: "fit" for word in ("limits", "places") if word in ENCODERS[name].defaults()}
    encoder = get_encoder(name, size=8, **learned).fit(frame)
    assert dict(encoder.parameters)["columns"] == tuple("abcdefghijkl")
    np.testing.assert_array_equal(encoder(frame[list("lkjihgfedcba")]), encoder(frame))
    np.testing.assert_array_equal(encoder(frame.to_numpy()), encoder(frame))
    for wrong, word in ((frame.drop(columns="c"), "missing: 'c'"), (frame.assign(z=0.5), "unknown: 'z'")):
        with pytest.raises(SampleError, match=f"^{name}: .*{word}"):
            encoder(wrong)
        with pytest.raises(SampleError, match=word):
            EncoderTransformer.from_encoder(get_encoder(name, size=8, **learned)).fit(frame).transform(wrong)
    nothing_learned = get_encoder(name, size=8).fit(frame)
    np.testing.assert_array_equal(nothing_learned(frame[frame.columns[::-1]]), nothing_learned(frame))


def leaf_of(name: str, kind: str) -> Any:
    """Samples that ask for a gradient, and the tensor that is to have it."""
    if ENCODERS[name].domain.name == "mouse":
        leaf = torch.stack([torch.linspace(0, 1, 30), torch.rand(30) * 300, torch.rand(30) * 300], dim=1)[None].double()
        return leaf.requires_grad_()
    rows = torch.from_numpy(matrix_of(name))
    values = {"plain": rows, "constant": torch.full_like(rows, 0.5), "ties": torch.round(rows), "zero": rows * 0.0}[
        kind
    ]
    return (
        values.clamp(0.0, 1.0).requires_grad_() if ENCODERS[name].domain.name == "tabular" else values.requires_grad_()
    )


@pytest.mark.parametrize("kind", ["plain", "constant", "ties", "zero"])
@pytest.mark.parametrize(
    "text",
    [
        *(name for name in NAMES if ENCODERS[name].domain.name != "binary"),
        "recurrence(dimension=2)",
        "recurrence(dimension=3, time_delay=2, signed=True)",
        "recurrence(dimension=2, resample='image')",
        "recurrence(threshold='point')",
        "scalogram(scale='log')",
        "spectrogram(scale='amplitude')",
        "gadf(resample='image')",
        "gasf(sample_range=(0, 1))",
        "mfcc(cmvn=True)",
        "pcen(power=0.0)",
        "pcen(bias=0.0)",
        "melspectrogram(delta=1, pre_emphasis=0.97)",
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_gradient_is_finite_or_refused(text, kind):
    name = text.partition("(")[0]
    rate = {"sample_rate_hz": 8000, "hop_length": 64} if ENCODERS[name].domain.name == "audio" else {}
    encoder, leaf = get_encoder(text, size=8, **rate), leaf_of(name, kind)
    if not ENCODERS[name].differentiable or "threshold" in text:
        with pytest.raises(ParameterError, match=f"^{name}: expected samples without a gradient"):
            EncoderModule(encoder)(leaf)
        return
    images = EncoderModule(encoder)(leaf)
    assert images.isfinite().all()
    (images * torch.linspace(0, 1, images.numel()).view(images.shape)).sum().backward()
    assert leaf.grad.isfinite().all()
    has_contrast = kind == "plain" and images.std() > 0  # a tenth of a second has no tempogram
    assert not has_contrast or leaf.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["gadf", "recurrence", "line", "scalogram", "spectrogram", "windows"])
def test_gradient_passes_filled_values(name):
    series = torch.from_numpy(make_series(2, length=20))
    series[0, 4:6] = series[1, 0] = torch.nan
    leaf = series.requires_grad_()
    get_encoder(name, size=8, missing="interpolate")(leaf).sum().backward()
    assert leaf.grad.isfinite().all()
    assert leaf.grad[0, [4, 5]].abs().sum() == 0.0


@pytest.mark.slow
@every_encoder
@pytest.mark.filterwarnings("ignore")
def test_compiled_equals_eager(name, tmp_path):
    forms = numeric_forms(name) if matrix_like(name) else other_forms(name, tmp_path)
    module, samples = EncoderModule(encoder_of(name)), forms["tensor"]
    network = torch.nn.Sequential(module, torch.nn.Flatten())
    torch.testing.assert_close(torch.compile(network, backend="eager")(samples), network(samples))


def matrix_like(name: str) -> bool:
    return ENCODERS[name].domain.name in ("timeseries", "audio", "tabular")


@pytest.mark.parametrize("name", [name for name in NAMES if ENCODERS[name].untraceable])
def test_what_cannot_be_exported_is_refused_in_one_sentence(name, tmp_path):
    samples = other_forms(name, tmp_path)["tensor"]
    with pytest.raises(ParameterError, match=f"^{name}: expected an encoder of tensors alone .*, got (numpy|torch)"):
        torch.export.export(EncoderModule(encoder_of(name)), (samples,))


@pytest.mark.parametrize("name", list_encoders("audio"))
@pytest.mark.parametrize("shape", [(300, 2), (300, 1), (4, 300, 2)], ids=str)
def test_time_first_sound_is_refused_with_the_remedy(name, shape):
    waves = np.random.default_rng(0).normal(size=shape) / 10
    for same in (waves, torch.from_numpy(waves), waves.astype(np.float32)):
        with pytest.raises(SampleError, match=r"looks like \(T, C\): time comes last"):
            encoder_of(name)(same)


@pytest.mark.parametrize("name", list_encoders("timeseries"))
def test_more_channels_than_values_are_warned_of(name):
    with pytest.warns(UserWarning, match=r"150 channels and 3 values, .* give series.transpose\(0, 2, 1\)"):
        encoder_of(name)(np.random.default_rng(0).normal(size=(2, 150, 3)))


@every_encoder
@pytest.mark.parametrize("size", [16_385, 1_000_000, 10**30])
def test_sides_are_bounded(name, size):
    with pytest.raises(ParameterError, match=f"^{name}: expected size"):
        ENCODERS[name].function(ENCODERS[name].domain.make_samples(2, 0), size=size)


@pytest.mark.parametrize("name", list_encoders("timeseries"))
def test_the_default_side_is_bounded(name):
    with pytest.raises(ParameterError, match=f"^{name}: expected size"):
        get_encoder(name)(np.sin(np.arange(20_000.0)))


@pytest.mark.parametrize(
    "text",
    [
        "mtf(n_bins=1000000)",
        "spectrogram(window=1000000000)",
        "spectrogram(hop=1000000000)",
        "melspectrogram(n_fft=1000000000)",
        "melspectrogram(n_mels=1000000)",
        "melspectrogram(window_ms=900000.0)",
        "melspectrogram(duration_s=900000.0)",
        "stft(n_bands=1000000)",
        "chroma(n_chroma=1000000)",
        "mfcc(n_mfcc=1000000, n_mels=1000000)",
        "tempogram(n_lags=1000000)",
        "pcen(n_mels=1000000)",
    ],
)
def test_numbers_of_bins_and_windows_are_bounded(text):
    name = text.partition("(")[0]
    rate = {"sample_rate_hz": 8000} if ENCODERS[name].domain.name == "audio" else {}
    with pytest.raises(ParameterError, match=f"^{name}: expected"):
        get_encoder(text, size=8, **rate)(matrix_of(name))


@every_encoder
def test_no_samples_and_no_lengths(name):
    with pytest.raises(ImgReprError):
        encoder_of(name)([])
    if "lengths" not in ENCODERS[name].function.__kwdefaults__:
        with pytest.raises(ParameterError, match=f"^{name}: expected no lengths"):
            encoder_of(name)(ENCODERS[name].domain.make_samples(2, 0), lengths=[1, 2])


def test_autocast_does_not_change_images_of_recordings():
    encoder = encoder_of("melspectrogram")
    recordings = [replace(one, waveform=torch.from_numpy(one.waveform)) for one in make_recordings(2)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = EncoderModule(encoder)(recordings)
    assert torch.equal(images, encoder(recordings))


def test_warnings_of_the_trial_image_are_not_doubled():
    flat = np.ones((3, 20))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        EncoderTransformer.from_encoder(get_encoder("gadf", size=8), flatten=True).fit_transform(flat)
    assert len(caught) == 1
