"""Copies to devices, reused buffers, and full precision."""

import numpy as np
import pytest
import torch

from img_repr.training import device_memory as module
from img_repr.training.device_memory import (
    ReusedBuffer,
    array_to_device,
    full_precision,
    is_one_array,
    rows_at,
    sample_to_device,
    to_device,
)

CPU = torch.device("cpu")

ARRAYS = {
    "float64": lambda walks: walks,
    "float32, big-endian": lambda walks: walks.astype(">f4"),
    "reversed in time": lambda walks: walks[:, ::-1],
    "two channels": lambda walks: walks.reshape(20, 2, 97),
    "tensor": torch.from_numpy,
    "tensor of integers": lambda walks: torch.from_numpy(walks).long(),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_array_is_copied_in_pieces_exactly(walks, kind, monkeypatch):
    monkeypatch.setattr(module, "_COPIED_AT_ONCE", 7)
    samples = ARRAYS[kind](walks)
    assert is_one_array(samples)
    whole = array_to_device(samples, CPU)
    assert torch.equal(whole, sample_to_device(samples, CPU))
    np.testing.assert_array_equal(whole.numpy(), np.asarray(samples))
    whole.zero_()
    assert np.asarray(samples).any()


@pytest.mark.parametrize("samples", [[np.zeros(3)], np.zeros((2, 3), int), [b"x"], "text"], ids=str)
def test_other_samples_are_not_one_array(samples):
    assert not is_one_array(samples)


def test_rows_are_taken_in_the_order_of_their_positions():
    assert rows_at(np.array([2, 0, 2]), torch.arange(3) * 10).tolist() == [20, 0, 20]


def test_buffer_is_allocated_only_if_too_small():
    memory = ReusedBuffer()
    assert memory.rows(1, torch.float32) is None
    room = memory.like(torch.zeros(4, 1, 2, 2), torch.float32)
    same = [memory.like(torch.zeros(count, 1, 2, 2), torch.float32) for count in (4, 1, 3)]
    assert {one.data_ptr() for one in same} == {room.data_ptr()}
    assert [len(one) for one in same] == [4, 1, 3]
    assert memory.rows(5, torch.float32) is None
    assert memory.rows(2, torch.uint8) is None
    assert memory.like(torch.zeros(5, 1, 2, 2), torch.float32).shape == (5, 1, 2, 2)
    assert memory.rows(5, torch.float32).data_ptr() != room.data_ptr()
    assert memory.like(torch.zeros(2, 1, 3, 2), torch.uint8).dtype == torch.uint8
    assert memory.rows(2, torch.uint8).shape == (2, 1, 3, 2)


def test_buffer_of_an_inference_can_be_written_afterwards():
    memory, bytes_ = ReusedBuffer(), torch.tensor([0, 255], dtype=torch.uint8)
    with torch.inference_mode():
        memory.as_floats(bytes_)
    assert memory.as_floats(bytes_).tolist() == [0.0, 1.0]


def test_full_precision_disables_autocast_and_restores_it():
    one = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with full_precision(CPU):
            assert (one @ one).dtype == torch.float32
        assert (one @ one).dtype == torch.bfloat16


@pytest.mark.parametrize("set_to", ["highest", "high"])
def test_full_precision_disables_tf32_and_restores_it(set_to):
    def settings():
        backends = torch.backends
        return (
            backends.cuda.matmul.fp32_precision,
            backends.cudnn.conv.fp32_precision,
            backends.cuda.matmul.allow_tf32,
            backends.cudnn.allow_tf32,
        )

    given = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(set_to)
    try:
        before = settings()
        with full_precision(torch.device("cuda")):
            inside = torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision
        assert inside == ("ieee", "ieee")
        assert settings() == before
        with pytest.raises(ZeroDivisionError), full_precision(torch.device("cuda")):
            _ = 1 / 0
        assert settings() == before
    finally:
        torch.set_float32_matmul_precision(given)


@pytest.mark.gpu
def test_arrays_arrive_on_a_gpu(walks):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = torch.device("cuda")
    there = to_device(torch.from_numpy(walks), cuda)
    assert there.is_cuda
    np.testing.assert_array_equal(there.cpu().numpy(), walks)
    assert rows_at(np.array([3, 1]), there).is_cuda
    np.testing.assert_array_equal(array_to_device(walks.astype(">f4"), cuda).cpu().numpy(), walks.astype(np.float32))


@pytest.mark.gpu
def test_products_have_full_precision_on_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = torch.device("cuda")
    left = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    wanted = (left.double() @ left.double()).float()
    given = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with torch.autocast("cuda", dtype=torch.bfloat16), full_precision(cuda):
            inside = left.to(cuda) @ left.to(cuda)
    finally:
        torch.set_float32_matmul_precision(given)
    torch.testing.assert_close(inside.cpu(), wanted, rtol=0, atol=1e-4)
