"""Engine: one process, and two processes with the result of one."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from img_repr.training.backbone import build_backbone
from img_repr.training.engine import Engine, best_device

CPU = torch.device("cpu")

TRAINING = """
import contextlib
import json
import os
import sys
import numpy as np
import torch
from torch import nn
from img_repr.training.images import ReadyImages
from img_repr.training.trainer import Trainer

torch.set_num_threads(1)
settings = json.loads(sys.argv[2])
count, cut = settings.pop("count", 21), settings.pop("cut", 0)
generator = torch.Generator().manual_seed(0)
images = torch.rand(count, 1, 16, 16, generator=generator)
train = ReadyImages(images + 0.3 * (torch.arange(count) % 3)[:, None, None, None], np.arange(count) % 3)
if settings.get("backbone") == "own":  # its weights differ from process to process
    torch.manual_seed(int(os.environ["RANK"]))
    settings["backbone"] = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8, affine=False, momentum=None), nn.ReLU())

def train_until(step):
    def stop(event, trainer):
        if event == "step_end" and trainer.progress.step == step:
            raise InterruptedError

    trainer = Trainer(
        classes=3, channels=1, device=torch.device("cpu"), listeners=[stop],
        **{"epochs": 4, "min_steps": 0, "batch_size": 8, "dropout": 0.0, "mixup": 0.0} | settings,
    )
    trainer.checkpoint_every_s = 0.0 if cut else 60.0
    return trainer.fit(train, train, checkpoints=sys.argv[1] + ".kept")

with contextlib.suppress(InterruptedError):
    trainer = train_until(cut)
if cut:
    torch.distributed.barrier()
    trainer = train_until(0)
trainer.save(sys.argv[1])
if trainer.engine.is_main_process:
    print(json.dumps([trainer.engine.world, trainer.history, trainer.predict_proba(train).tolist()]))
else:
    trainer.predict_proba(train)
"""


def run(folder, settings, *, world):
    """Run the script above as ``torchrun --nproc-per-node WORLD`` would; give what the first process printed."""
    import json

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes: list[subprocess.Popen] = []
    for rank in range(world):
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {"OMP_NUM_THREADS": "1"} | {name: str(value) for name, value in own.items()}
        command = [sys.executable, "-c", TRAINING, str(folder), json.dumps(settings)]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    printed = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * world
    assert printed[1:] == [""] * (world - 1)
    return json.loads(printed[0].splitlines()[-1])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    torch.manual_seed(99)
    body = build_backbone("small", channels=1, classes=2).body.state_dict()
    path = tmp_path_factory.mktemp("weights") / "body.safetensors"
    save_file({name: value.contiguous() for name, value in body.items()}, path)
    return str(path)


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch was built without torch.distributed")
@pytest.mark.parametrize("kind", ["one cycle", "frozen and unfrozen"])
def test_two_processes_give_the_result_of_one(kind, tmp_path, pretrained):
    """Same batches, same losses, same weights, but for the order in which sums are taken."""
    settings = {} if kind == "one cycle" else {"weights": pretrained, "freeze_epochs": 2}
    settings |= {"ema_decay": 0.5, "grad_clip": 1.0}
    one, two = (run(tmp_path / str(world), settings, world=world) for world in (1, 2))
    assert (one[0], two[0]) == (1, 2)
    assert [row["phase"] for row in one[1]] == [row["phase"] for row in two[1]]
    for name in ("loss", "valid_loss"):
        np.testing.assert_allclose(
            [row[name] for row in two[1]], [row[name] for row in one[1]], rtol=2e-3, err_msg=name
        )
    np.testing.assert_allclose(two[2], one[2], rtol=0, atol=5e-3)
    weights = [load_file(tmp_path / str(world) / "network.safetensors") for world in (1, 2)]
    for name, value in weights[0].items():
        torch.testing.assert_close(
            weights[1][name], value, rtol=0, atol=5e-3, msg=lambda said, name=name: f"{name}: {said}"
        )


SEVERAL = {
    "one has no image": {"count": 1},
    "a module of one's own": {"backbone": "own"},
}


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch was built without torch.distributed")
@pytest.mark.parametrize("kind", SEVERAL)
def test_two_processes_have_the_losses_of_one(kind, tmp_path):
    one, two = (run(tmp_path / str(world), SEVERAL[kind], world=world) for world in (1, 2))
    for name in ("loss", "valid_loss"):
        np.testing.assert_allclose([row[name] for row in two[1]], [row[name] for row in one[1]], rtol=2e-3)


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch was built without torch.distributed")
def test_two_processes_resume_within_a_batch(tmp_path):
    """Of three images one process has two pieces with an image and the other one; a loss that was kept is of both."""
    settings = {"count": 11, "batch_size": 4, "grad_accum_steps": 2}
    whole, cut = (run(tmp_path / str(step), settings | {"cut": step}, world=2) for step in (0, 3))
    for name in ("loss", "valid_loss"):
        assert [row[name] for row in cut[1]] == [row[name] for row in whole[1]]


def test_gradients_have_the_memory_layout_of_weights(monkeypatch):
    engine = Engine(CPU, 0, 2)
    monkeypatch.setattr(Engine, "total", lambda self, tensor: tensor.mul_(2.0))  # as if the other had the same
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(2))
    network(torch.rand(2, 3, 5, 5))
    network.to(memory_format=torch.channels_last)
    network[2].weight = nn.Parameter(network[2].weight.detach().t().contiguous().t())
    network(torch.rand(2, 3, 5, 5)).square().sum().backward()
    wanted = [2.0 * weight.grad for weight in network.parameters()]
    assert float(engine.total_gradients(network, torch.tensor(1.5))) == 3.0
    for weight, gradient in zip(network.parameters(), wanted, strict=True):
        assert torch.equal(weight.grad, gradient)
        assert weight.grad.stride() == weight.stride()


def test_one_process_communicates_nothing():
    engine = Engine.here(CPU)
    assert engine.all_equal(7)
    assert (engine.rank, engine.world, engine.is_main_process) == (0, 1, True)
    positions = np.arange(5)
    assert engine.partition(positions).tolist() == positions.tolist()
    rows = torch.rand(5, 2)
    assert engine.gather(rows, 5) is rows
    assert engine.total(rows) is rows


@pytest.mark.parametrize("world", [2, 3])
def test_partitions_cover_a_batch_once(world):
    shares = [Engine(CPU, rank, world).partition(np.arange(10)) for rank in range(world)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(10))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_world_size_alone_does_not_start_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.delenv("RANK", raising=False)
    assert Engine.here(CPU).world == 1


def test_best_device_is_the_gpu():
    assert best_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert Engine.here().device == best_device()
