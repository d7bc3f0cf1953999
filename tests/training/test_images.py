"""Sources of batches: images in memory, on disk, or encoded on the fly.

The reason for its length: four sources of batches are compared with each other.
"""

import numpy as np
import pytest
import torch

from img_repr.core import shard_job
from img_repr.core.dataset import take
from img_repr.core.errors import DataError, SampleError
from img_repr.core.naming import get_encoder
from img_repr.domains.audio.augmentation import augment_recordings, mask_images
from img_repr.domains.audio.recording import Recording, make_recordings
from img_repr.domains.binary.sample import BINARY
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.timeseries.augmentation import augment_series
from img_repr.training import images as module
from img_repr.training.images import CachedImages, EncodedImages, ReadyImages, image_source

CPU = torch.device("cpu")


@pytest.fixture
def encoder():
    return get_encoder("gadf", size=8)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The folder of cached images."""
    monkeypatch.setenv("IMG_REPR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


def drawn_batches(source, count, seeds):
    """Copies of batches that each seed draws."""
    return [source.batch(np.arange(count), torch.Generator().manual_seed(seed)).clone() for seed in seeds]


class Counted:
    """An augmentation that counts its calls and turns series round."""

    def __init__(self):
        self.calls = 0

    def __call__(self, samples, generator):
        self.calls += 1
        assert isinstance(generator, torch.Generator)
        return samples.flip(-1)


def test_ready_images_return_their_content():
    held = torch.rand(5, 2, 4, 4)
    ready = ReadyImages(held, np.array([0, 1, 2, 1, 0]))
    positions = np.array([3, 0])
    assert len(ready) == 5
    assert torch.equal(ready.batch(positions), held[[3, 0]])
    assert ready.targets(positions).tolist() == [1, 0]
    assert ready.targets(positions).dtype == torch.int64
    assert torch.equal(ready.batch(positions, torch.Generator()), held[[3, 0]])


def test_without_augmentation_images_are_encoded_once(encoder, walks, monkeypatch):
    monkeypatch.setattr(module, "_BATCH_SIZE", 7)
    source = image_source(encoder, walks, np.arange(40) % 3, device=CPU)
    assert isinstance(source, ReadyImages)
    np.testing.assert_array_equal(source.images.numpy(), encoder(walks))
    assert source.targets(np.arange(40)).tolist() == (np.arange(40) % 3).tolist()


def test_images_that_do_not_fit_are_encoded_per_batch(encoder, walks, monkeypatch):
    monkeypatch.setattr(module, "MEMORY_BYTES", 40 * 8 * 8 * 4 - 1)
    source = image_source(encoder, walks, np.zeros(40), device=CPU)
    assert isinstance(source, EncodedImages)
    np.testing.assert_array_equal(source.batch(np.array([5, 39])).numpy(), encoder(walks[[5, 39]]))
    monkeypatch.setattr(module, "MEMORY_BYTES", 40 * 8 * 8 * 4)
    assert isinstance(image_source(encoder, walks, np.zeros(40), device=CPU), ReadyImages)


def test_images_are_augmented_only_with_a_generator(encoder, walks):
    augment = Counted()
    source = image_source(encoder, walks, np.zeros(40), device=CPU, augment=augment)
    assert isinstance(source, EncodedImages)
    plain = source.batch(np.arange(3))
    assert augment.calls == 0
    np.testing.assert_array_equal(plain.numpy(), encoder(walks[:3]))
    drawn = source.batch(np.arange(3), torch.Generator())
    assert augment.calls == 1
    np.testing.assert_array_equal(drawn.numpy(), encoder(walks[:3, ::-1]))


def test_augmentation_depends_on_the_generator_only(encoder, walks):
    before = walks.copy()
    source = image_source(encoder, walks, np.zeros(40), device=CPU, augment=augment_series)
    one, same, other = drawn_batches(source, 9, (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert np.array_equal(walks, before)


LAYOUTS = {
    "float32": lambda walks: walks.astype(np.float32),
    "big-endian": lambda walks: walks.astype(">f8"),
    "reversed in time": lambda walks: np.ascontiguousarray(walks[:, ::-1])[:, ::-1],
    "list": list,
    "list, read-only": lambda walks: [_read_only(row) for row in walks],
    "list, reversed in time": lambda walks: [row[::-1].copy()[::-1] for row in walks],
    "tensor": torch.from_numpy,
    "integers": lambda walks: (walks * 1000).astype(np.int64),
    "lists of numbers": lambda walks: [row.tolist() for row in walks],
}


def _read_only(row):
    row = row.copy()
    row.setflags(write=False)
    return row


@pytest.mark.parametrize("augment", [None, augment_series], ids=["as they are", "drawn"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_samples_of_any_memory_layout(encoder, walks, layout, augment):
    source = EncodedImages(encoder, LAYOUTS[layout](walks), np.zeros(40), CPU, augment)
    batch = source.batch(np.array([7, 2]), torch.Generator().manual_seed(0))
    assert (batch.shape, batch.dtype) == ((2, 1, 8, 8), torch.float32)
    if augment is None:
        np.testing.assert_allclose(batch.numpy(), encoder(walks[[7, 2]]), atol=2e-3)


@pytest.mark.parametrize("augment", [None, augment_series], ids=["as they are", "drawn"])
def test_ragged_samples_become_images_of_one_size(encoder, walks, augment):
    ragged = [row[: 20 + place] for place, row in enumerate(walks)]
    source = image_source(encoder, ragged, np.zeros(40), device=CPU, augment=augment)
    assert source.batch(np.arange(40), torch.Generator()).shape == (40, 1, 8, 8)
    np.testing.assert_array_equal(source.batch(np.array([4])).numpy(), encoder([ragged[4]]))


def test_images_are_masked_after_encoding_and_only_with_a_generator(encoder, walks):
    calls = []

    def invert(images, generator):
        calls.append((tuple(images.shape), generator.initial_seed()))
        return 1.0 - images

    source = image_source(encoder, walks, np.zeros(40), device=CPU, augment_images=invert)
    assert isinstance(source, EncodedImages)
    plain = source.batch(np.arange(3)).clone()
    assert calls == []
    np.testing.assert_array_equal(plain.numpy(), encoder(walks[:3]))
    drawn = source.batch(np.arange(3), torch.Generator().manual_seed(7))
    assert torch.equal(drawn, 1.0 - plain)
    assert calls == [((3, 1, 8, 8), 7)]


def test_samples_are_augmented_before_images(encoder, walks):
    augment, order = Counted(), []

    def note(images, generator):
        order.append(augment.calls)
        return images

    source = EncodedImages(encoder, walks, np.zeros(40), CPU, augment, note)
    drawn = source.batch(np.arange(3), torch.Generator())
    assert order == [1]
    np.testing.assert_array_equal(drawn.numpy(), encoder(walks[:3, ::-1]))


class Placed:
    """A sample that can be brought to a device, and notes where it was brought."""

    def __init__(self, values, device=None):
        self.values, self.device = values, device

    def to(self, device):
        return Placed(self.values, device)


def test_samples_with_a_method_to_are_moved(encoder, walks):
    seen = []

    def unpack(samples, generator):
        seen.extend(sample.device for sample in samples)
        return np.stack([sample.values for sample in samples])

    samples = [Placed(row) for row in walks]
    source = EncodedImages(encoder, samples, np.zeros(40), CPU, unpack)
    drawn = source.batch(np.array([2, 5]), torch.Generator())
    assert seen == [CPU, CPU]
    np.testing.assert_array_equal(drawn.numpy(), encoder(walks[[2, 5]]))
    assert all(sample.device is None for sample in samples)


def read_only_pcm(recordings):
    """As a memory-mapped cache of waveforms gives them."""
    return [Recording(_read_only((one.waveform * 2**14).astype(np.int16)), one.sample_rate_hz) for one in recordings]


@pytest.mark.parametrize("layout", [list, read_only_pcm], ids=["floats", "read-only PCM"])
def test_recordings_become_images(layout):
    recordings = layout(make_recordings(5))
    encoder = get_encoder("melspectrogram", size=16, duration_s=0.5)
    kept = image_source(encoder, recordings, np.arange(5), device=CPU)
    assert isinstance(kept, ReadyImages)
    np.testing.assert_allclose(kept.images.numpy(), encoder(recordings), atol=1e-6)
    hooks = {"augment": augment_recordings, "augment_images": mask_images}
    source = image_source(encoder, recordings, np.arange(5), device=CPU, **hooks)
    assert torch.equal(source.batch(np.arange(5)), kept.images)
    one, same, other = drawn_batches(source, 5, (1, 1, 2))
    assert one.shape == (5, 1, 16, 16)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


LABELS = {
    "classes": ([0, 2, 1, 2], torch.int64, [[2, 0]]),
    "classes, big-endian": (np.array([0, 2, 1, 2], ">i2"), torch.int64, [[2, 0]]),
    "labels": (np.array([[0, 1], [1, 1], [0, 0], [1, 0]]), torch.float64, [[1.0, 0.0], [0.0, 1.0]]),
    "labels, bool": (np.array([[0, 1], [1, 1], [0, 0], [1, 0]], bool), torch.float64, [[1.0, 0.0], [0.0, 1.0]]),
    "numbers": (torch.tensor([[0.5, 2.0], [1.0, 1.0], [0.0, 0.0], [7.5, -1.0]]), torch.float64, [[7.5, -1], [0.5, 2]]),
    "one number": (np.array([0.5, 1.0, 0.0, 7.5]), torch.float64, [[7.5], [0.5]]),
}  # fmt: skip


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("way", ["memory", "disk", "on_the_fly"])
def test_labels_are_classes_or_rows_of_numbers(encoder, walks, way, kind):
    labels, dtype, wanted = LABELS[kind]
    source = {
        "memory": lambda: ReadyImages(torch.rand(4, 1, 8, 8), labels),
        "disk": lambda: CachedImages([np.zeros((4, 1, 8, 8), np.uint8)], labels, CPU),
        "on_the_fly": lambda: EncodedImages(encoder, walks[:4], labels, CPU),
    }[way]()
    chosen = source.targets(np.array([3, 0]))
    assert chosen.dtype == dtype
    assert chosen.tolist() == (wanted if dtype == torch.float64 else wanted[0])
    assert (source.storage, len(source), source.is_random) == (way, 4, False)


@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c", "d"], np.zeros((4, 2, 2)), 3], ids=str)
def test_rejects_labels_of_wrong_number_or_type(encoder, walks, labels):
    for make in (
        lambda: ReadyImages(torch.rand(4, 1, 8, 8), labels),
        lambda: image_source(encoder, walks[:4], labels, device=CPU),
    ):
        with pytest.raises(DataError, match=r"expected labels that are numbers, \(4,\) or \(4, K\) for 4 images"):
            make()


def test_bytes_become_the_same_floats_in_every_storage():
    held = torch.arange(256, dtype=torch.uint8).reshape(256, 1, 1, 1)
    ready, cached = ReadyImages(held, np.zeros(256)), CachedImages([held.numpy()], np.zeros(256), CPU)
    wanted = torch.from_numpy(np.arange(256, dtype=np.float32) / np.float32(255)).reshape(256, 1, 1, 1)
    assert torch.equal(ready.batch(np.arange(256)), wanted)
    assert torch.equal(cached.batch(np.arange(256)), wanted)


SOURCES = {
    "one channel": lambda walks: (get_encoder("gadf", size=8), walks[:20]),
    "series of two channels": lambda walks: (get_encoder("gadf", size=8), walks.reshape(20, 2, 97)),
    "stacked": lambda walks: (get_encoder("gadf+mtf", size=8), walks[:20]),
    "ragged": lambda walks: (get_encoder("gadf", size=8), [row[: 20 + i] for i, row in enumerate(walks[:20])]),
    "tensor": lambda walks: (get_encoder("recurrence", size=8), torch.from_numpy(walks[:20]).float()),
    "lists of numbers": lambda walks: (get_encoder("gadf", size=8), walks[:20].tolist()),
    "recordings": lambda walks: (get_encoder("melspectrogram", size=8, duration_s=0.5), make_recordings(20)),
    "traces": lambda walks: (get_encoder("trajectory", size=8), MOUSE.make_samples(20, 0)),
    "bytes": lambda walks: (get_encoder("byteplot", size=8), BINARY.make_samples(20, 0)),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_batches_reuse_memory(walks, kind):
    encoder, samples = SOURCES[kind](walks)
    source, places, batches = EncodedImages(encoder, samples, np.zeros(20), CPU), set(), []
    source.batch(np.arange(8))
    parts = [np.arange(8), np.arange(8, 16), np.array([19, 3, 3]), np.arange(8)]
    for positions in parts:
        images = source.batch(positions)
        places.add(images.data_ptr())
        batches.append(images.clone())
        assert images.is_contiguous()
    assert len(places) == 1
    for positions, images in zip(parts, batches, strict=True):
        np.testing.assert_array_equal(images.numpy(), np.asarray(encoder(take(samples, positions))))


def test_buffer_grows_and_follows_the_image_size(walks):
    encoder, whole = get_encoder("gadf"), list(walks)
    samples = [row[: 20 + i // 10] for i, row in enumerate(whole)]  # images of 20, 21, 22 and 23 pixels
    source = EncodedImages(encoder, samples, np.zeros(40), CPU)
    for positions in (np.arange(3), np.arange(9), np.arange(20, 29), np.arange(4), np.arange(30, 34)):
        np.testing.assert_array_equal(source.batch(positions).numpy(), encoder(take(samples, positions)))
    assert source.batch(np.arange(30, 34)).shape == (4, 1, 23, 23)


def test_buffer_of_prediction_can_be_used_in_training(encoder, walks):
    source = EncodedImages(encoder, walks, np.zeros(40), CPU)
    with torch.inference_mode():
        source.batch(np.arange(4))
    network = torch.nn.Conv2d(1, 2, 3)
    for positions in (np.arange(4), np.arange(4, 8)):
        images = source.batch(positions)
        assert not images.is_inference()
        network(images).sum().backward()
    with torch.inference_mode():
        np.testing.assert_array_equal(source.batch(np.arange(3)).numpy(), encoder(walks[:3]))


def test_encoder_runs_without_autocast(walks):
    encoder = get_encoder("melspectrogram", size=16, duration_s=0.5)
    recordings = make_recordings(3)
    source = EncodedImages(encoder, recordings, np.zeros(3), CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
        images = source.batch(np.arange(3))
    np.testing.assert_array_equal(images.numpy(), encoder(recordings))


def no_room(monkeypatch, *, cache_above_s):
    monkeypatch.setattr(module, "MEMORY_BYTES", 0)
    monkeypatch.setattr(module, "CACHE_ABOVE_S", cache_above_s)


def test_storage_follows_the_rule(encoder, walks, monkeypatch, cache):
    labels, asked = np.arange(40) % 3, {"device": CPU, "fingerprint": lambda: "walks"}
    kept = image_source(encoder, walks, labels, **asked)
    no_room(monkeypatch, cache_above_s=np.inf)
    cheap = image_source(encoder, walks, labels, **asked)
    no_room(monkeypatch, cache_above_s=0.0)
    unknown = image_source(encoder, walks, labels, device=CPU)
    drawn = image_source(encoder, walks, labels, augment=augment_series, **asked)
    masked = image_source(encoder, walks, labels, augment_images=lambda images, draw: images, **asked)
    assert not cache.exists()
    cached = image_source(encoder, walks, labels, **asked)
    assert len(list(cache.iterdir())) == 1
    assert [one.storage for one in (kept, cheap, unknown, drawn, masked, cached)] == [
        "memory", "on_the_fly", "on_the_fly", "on_the_fly", "on_the_fly", "disk"
    ]  # fmt: skip
    assert [one.is_random for one in (kept, cheap, unknown, drawn, masked, cached)] == [False] * 3 + [True] * 2 + [
        False
    ]
    no_room(monkeypatch, cache_above_s=np.inf)
    assert (
        image_source(encoder, walks, labels, **asked).storage == "disk_reused"
    )  # what lies there is used whatever it costs
    np.testing.assert_array_equal(unknown.batch(np.arange(4)).numpy(), encoder(walks[:4]))


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if kind != "lists of numbers"])
def test_measured_time_does_not_change_images(walks, kind, monkeypatch):
    encoder, samples = SOURCES[kind](walks)
    monkeypatch.setattr(shard_job, "images_per_shard", lambda *_: 7)
    sources = []
    for cache_above_s in (np.inf, 0.0):
        no_room(monkeypatch, cache_above_s=cache_above_s)
        sources.append(image_source(encoder, samples, np.arange(20), device=CPU, fingerprint=lambda kind=kind: kind))
    encoded, cached = sources
    assert (encoded.storage, cached.storage) == ("on_the_fly", "disk")
    for positions in (np.array([19, 0, 7, 6, 13, 14, 0]), np.arange(20), np.array([3])):
        images = encoded.batch(positions)
        assert torch.equal(images, cached.batch(positions))
        assert images.dtype == torch.float32
        wanted = np.asarray(encoder(take(samples, positions), dtype="uint8")).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(images.numpy(), wanted)
        assert cached.targets(positions).tolist() == positions.tolist()


def test_empty_positions_give_an_empty_batch(encoder, walks):
    sources = [
        ReadyImages(torch.rand(3, 1, 8, 8), np.zeros(3)),
        CachedImages([np.zeros((3, 1, 8, 8), np.uint8)], np.zeros(3), CPU),
        EncodedImages(encoder, walks[:3], np.zeros(3), CPU, augment_series),
    ]
    for source in sources:
        images = source.batch(np.arange(0), torch.Generator())
        assert (images.shape, images.dtype) == ((0, 1, 8, 8), torch.float32)
        assert source.targets(np.arange(0)).shape == (0, 1)


def test_position_out_of_range_is_an_error():
    cached = CachedImages([np.zeros((3, 1, 2, 2), np.uint8), np.zeros((2, 1, 2, 2), np.uint8)], np.zeros(5), CPU)
    for position in (5, -6):
        with pytest.raises(IndexError):
            cached.batch(np.array([position]))


def test_encodes_on_the_fly_if_nothing_can_be_cached(encoder, walks, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("IMG_REPR_CACHE", str(tmp_path / "file"))
    no_room(monkeypatch, cache_above_s=0.0)
    with pytest.warns(UserWarning, match="image cache: nothing is cached, every batch is encoded again: "):
        source = image_source(encoder, walks, np.zeros(40), device=CPU, fingerprint=lambda: "walks")
    assert source.storage == "on_the_fly"
    assert source.batch(np.arange(3)).shape == (3, 1, 8, 8)


def test_wrong_sample_is_named_by_its_number_while_caching(encoder, walks, monkeypatch, cache):
    walks[33, 5] = np.nan
    no_room(monkeypatch, cache_above_s=0.0)
    with pytest.raises(SampleError, match="series number 33"):
        image_source(encoder, walks, np.zeros(40), device=CPU, fingerprint=lambda: "walks")
    assert list(cache.iterdir()) == []


@pytest.mark.gpu
def test_recordings_become_images_on_the_device():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda, recordings = torch.device("cuda"), read_only_pcm(make_recordings(5))
    encoder = get_encoder("melspectrogram", size=16, duration_s=0.5)
    hooks = {"augment": augment_recordings, "augment_images": mask_images}
    source = image_source(encoder, recordings, np.arange(5), device=cuda, **hooks)
    plain = source.batch(np.arange(5)).clone()
    drawn = source.batch(np.arange(5), torch.Generator(cuda).manual_seed(0))
    assert plain.device.type == drawn.device.type == "cuda"
    np.testing.assert_allclose(plain.cpu().numpy(), encoder(recordings), atol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("layout", ["float32", "list", "tensor"])
def test_images_are_on_the_device(encoder, walks, layout):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = torch.device("cuda")
    source = image_source(encoder, LAYOUTS[layout](walks), np.zeros(40), device=cuda, augment=augment_series)
    batch = source.batch(np.arange(4), torch.Generator(cuda).manual_seed(0))
    assert batch.device.type == source.targets(np.arange(4)).device.type == "cuda"
    kept = image_source(encoder, LAYOUTS[layout](walks), np.zeros(40), device=cuda)
    assert kept.batch(np.arange(4)).device.type == "cuda"


@pytest.mark.gpu
@pytest.mark.parametrize("share", [0.5, 0.0])
@pytest.mark.parametrize("layout", ["float32", "big-endian", "tensor"])
def test_samples_are_on_the_gpu_if_they_fit(encoder, walks, layout, share, monkeypatch):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    monkeypatch.setattr(module, "GPU_MEMORY_FRACTION", share)
    samples = LAYOUTS[layout](walks)
    source = EncodedImages(encoder, samples, np.zeros(40), torch.device("cuda"))
    assert (getattr(source.samples, "is_cuda", False)) == (share > 0)
    for positions in (np.arange(8), np.array([39, 3])):
        images = source.batch(positions)
        assert images.is_cuda
        np.testing.assert_allclose(images.cpu().numpy(), encoder(take(samples, positions)), atol=1e-5)


@pytest.mark.gpu
def test_images_may_use_a_fraction_of_free_gpu_memory(encoder, walks, monkeypatch):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    monkeypatch.setattr(module, "MEMORY_BYTES", 0)
    cuda = torch.device("cuda")
    assert image_source(encoder, walks, np.zeros(40), device=cuda).storage == "memory"
    monkeypatch.setattr(module, "GPU_MEMORY_FRACTION", 0.0)
    monkeypatch.setattr(module, "CACHE_ABOVE_S", 0.0)
    assert image_source(encoder, walks, np.zeros(40), device=cuda).storage == "on_the_fly"
    cached = image_source(encoder, walks, np.zeros(40), device=cuda, fingerprint=lambda: "walks")
    assert cached.storage == "disk"
    assert cached.batch(np.arange(4)).is_cuda
    np.testing.assert_allclose(cached.batch(np.arange(4)).cpu().numpy(), encoder(walks[:4]), atol=0.5 / 255 + 1e-6)
