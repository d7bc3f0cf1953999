"""Where batches come from: ready images, or samples that become images when they are asked for."""

import numpy as np
import pytest
import torch

from img_repr.core.naming import get_encoder
from img_repr.domains.audio.augmentation import augment_recordings, mask_images
from img_repr.domains.audio.recording import Recording, make_recordings
from img_repr.domains.timeseries.augmentation import augment_series
from img_repr.training import images as module
from img_repr.training.images import EncodedImages, ReadyImages, images_of

CPU = torch.device("cpu")


@pytest.fixture
def encoder():
    return get_encoder("gadf", size=8)


class Counted:
    """An augmentation that counts its calls and turns series round."""

    def __init__(self):
        self.calls = 0

    def __call__(self, samples, generator):
        self.calls += 1
        assert isinstance(generator, torch.Generator)
        return samples.flip(-1)


def test_ready_images_give_what_they_hold():
    held = torch.rand(5, 2, 4, 4)
    ready = ReadyImages(held, np.array([0, 1, 2, 1, 0]))
    positions = np.array([3, 0])
    assert len(ready) == 5
    assert torch.equal(ready.batch(positions), held[[3, 0]])
    assert ready.targets(positions).tolist() == [1, 0]
    assert ready.targets(positions).dtype == torch.int64
    assert torch.equal(ready.batch(positions, torch.Generator()), held[[3, 0]])


def test_bytes_become_shares_of_one():
    held = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    batch = ReadyImages(held, [0, 1, 2]).batch(np.arange(3))
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch.flatten(), torch.tensor([0.0, 0.2, 1.0]))


def test_without_augmentation_images_are_encoded_once_and_kept(encoder, walks, monkeypatch):
    monkeypatch.setattr(module, "_ENCODE_AT_ONCE", 7)
    source = images_of(encoder, walks, np.arange(40) % 3, device=CPU)
    assert isinstance(source, ReadyImages)
    np.testing.assert_array_equal(source.images.numpy(), encoder(walks))
    assert source.targets(np.arange(40)).tolist() == (np.arange(40) % 3).tolist()


def test_images_that_do_not_fit_are_encoded_per_batch(encoder, walks, monkeypatch):
    monkeypatch.setattr(module, "KEEP_BYTES", 40 * 8 * 8 * 4 - 1)
    source = images_of(encoder, walks, np.zeros(40), device=CPU)
    assert isinstance(source, EncodedImages)
    np.testing.assert_array_equal(source.batch(np.array([5, 39])).numpy(), encoder(walks[[5, 39]]))
    monkeypatch.setattr(module, "KEEP_BYTES", 40 * 8 * 8 * 4)
    assert isinstance(images_of(encoder, walks, np.zeros(40), device=CPU), ReadyImages)


def test_images_are_drawn_anew_only_where_there_is_a_draw(encoder, walks):
    augment = Counted()
    source = images_of(encoder, walks, np.zeros(40), device=CPU, augment=augment)
    assert isinstance(source, EncodedImages)
    plain = source.batch(np.arange(3))
    assert augment.calls == 0
    np.testing.assert_array_equal(plain.numpy(), encoder(walks[:3]))
    drawn = source.batch(np.arange(3), torch.Generator())
    assert augment.calls == 1
    np.testing.assert_array_equal(drawn.numpy(), encoder(walks[:3, ::-1]))


def test_a_draw_is_decided_by_its_generator_and_leaves_the_samples_alone(encoder, walks):
    before = walks.copy()
    source = images_of(encoder, walks, np.zeros(40), device=CPU, augment=augment_series)
    one, same, other = (source.batch(np.arange(9), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
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
def test_samples_come_in_any_layout(encoder, walks, layout, augment):
    source = EncodedImages(encoder, LAYOUTS[layout](walks), np.zeros(40), CPU, augment)
    batch = source.batch(np.array([7, 2]), torch.Generator().manual_seed(0))
    assert (batch.shape, batch.dtype) == ((2, 1, 8, 8), torch.float32)
    if augment is None:
        np.testing.assert_allclose(batch.numpy(), encoder(walks[[7, 2]]), atol=2e-3)


@pytest.mark.parametrize("augment", [None, augment_series], ids=["as they are", "drawn"])
def test_ragged_samples_become_images_of_one_size(encoder, walks, augment):
    ragged = [row[: 20 + place] for place, row in enumerate(walks)]
    source = images_of(encoder, ragged, np.zeros(40), device=CPU, augment=augment)
    assert source.batch(np.arange(40), torch.Generator()).shape == (40, 1, 8, 8)
    np.testing.assert_array_equal(source.batch(np.array([4])).numpy(), encoder([ragged[4]]))


def test_images_are_masked_after_they_are_encoded_and_only_in_a_draw(encoder, walks):
    calls = []

    def invert(images, generator):
        calls.append((tuple(images.shape), generator.initial_seed()))
        return 1.0 - images

    source = images_of(encoder, walks, np.zeros(40), device=CPU, augment_images=invert)
    assert isinstance(source, EncodedImages)
    plain = source.batch(np.arange(3))
    assert calls == []
    np.testing.assert_array_equal(plain.numpy(), encoder(walks[:3]))
    drawn = source.batch(np.arange(3), torch.Generator().manual_seed(7))
    torch.testing.assert_close(drawn, 1.0 - plain, atol=0, rtol=0)
    assert calls == [((3, 1, 8, 8), 7)]


def test_both_kinds_of_variation_follow_each_other(encoder, walks):
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


def test_samples_that_can_be_brought_to_the_device_are(encoder, walks):
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
    kept = images_of(encoder, recordings, np.arange(5), device=CPU)
    assert isinstance(kept, ReadyImages)
    np.testing.assert_allclose(kept.images.numpy(), encoder(recordings), atol=1e-6)
    hooks = {"augment": augment_recordings, "augment_images": mask_images}
    source = images_of(encoder, recordings, np.arange(5), device=CPU, **hooks)
    assert torch.equal(source.batch(np.arange(5)), kept.images)
    one, same, other = (source.batch(np.arange(5), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (5, 1, 16, 16)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.gpu
def test_recordings_become_images_on_the_device():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda, recordings = torch.device("cuda"), read_only_pcm(make_recordings(5))
    encoder = get_encoder("melspectrogram", size=16, duration_s=0.5)
    hooks = {"augment": augment_recordings, "augment_images": mask_images}
    source = images_of(encoder, recordings, np.arange(5), device=cuda, **hooks)
    plain, drawn = source.batch(np.arange(5)), source.batch(np.arange(5), torch.Generator(cuda).manual_seed(0))
    assert plain.device.type == drawn.device.type == "cuda"
    np.testing.assert_allclose(plain.cpu().numpy(), encoder(recordings), atol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("layout", ["float32", "list", "tensor"])
def test_images_lie_on_the_device(encoder, walks, layout):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = torch.device("cuda")
    source = images_of(encoder, LAYOUTS[layout](walks), np.zeros(40), device=cuda, augment=augment_series)
    batch = source.batch(np.arange(4), torch.Generator(cuda).manual_seed(0))
    assert batch.device.type == source.targets(np.arange(4)).device.type == "cuda"
    kept = images_of(encoder, LAYOUTS[layout](walks), np.zeros(40), device=cuda)
    assert kept.batch(np.arange(4)).device.type == "cuda"
