"""The one trainer: a loop that is read from top to bottom. It knows images and labels, and no domain."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError, TrainingError, WeightsError
from img_repr.training.backbone import Network, adapt_stem, build_backbone
from img_repr.training.config import TrainConfig
from img_repr.training.images import Images
from img_repr.training.normalisation import Normalisation, normalisation_of
from img_repr.training.schedule import (
    batches,
    epoch_order,
    freeze,
    one_cycle,
    own_draws,
    parameter_groups,
    seed_globally,
    set_rates,
    step_generator,
)
from img_repr.training.weights import find_weights

Row = dict[str, Any]
_AT_ONCE = 256  # images per pass without gradients


def best_device() -> torch.device:
    """Give the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Trainer:
    """Train one network on images.

    Parameters
    ----------
    classes : int
        Number of classes K.
    channels : int
        C of the images.
    seed : int
        Decides weights, order and every draw: same seed, same numbers.
    device : torch.device, optional
        Default: the GPU where there is one.
    on_epoch : callable, optional
        Called with each row of the history as it is made.
    **knobs
        See :class:`img_repr.training.config.TrainConfig`.

    Attributes
    ----------
    history : list of dict
        One row per epoch: phase, epoch, epochs, loss, rate, valid_loss, valid_accuracy, seconds.
    weights : dict
        Which weights the body really started from.
    normalisation : Normalisation
        Learned from the training images.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.images import ReadyImages
    >>> from img_repr.training.trainer import Trainer
    >>> toy = ReadyImages(torch.rand(8, 1, 16, 16), [0, 1] * 4)
    >>> trainer = Trainer(classes=2, channels=1, epochs=1, min_steps=0, device=torch.device("cpu")).fit(toy)
    >>> trainer.predict_proba(toy).shape
    (8, 2)
    """

    def __init__(
        self,
        *,
        classes: int,
        channels: int,
        seed: int = 0,
        device: torch.device | None = None,
        on_epoch: Callable[[Row], None] | None = None,
        **knobs: Any,
    ) -> None:
        self.config = TrainConfig.of(knobs)
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ParameterError(f"trainer: expected seed to be a whole number of at least 0, got {seed!r}")
        self.classes, self.channels, self.seed = classes, channels, int(seed)
        self.device = device or best_device()
        self.on_epoch = on_epoch
        self.history: list[Row] = []
        with own_draws(torch.device("cpu")):
            seed_globally(seed, torch.device("cpu"))
            network = build_backbone(
                self.config.backbone, channels=channels, classes=classes, dropout=self.config.dropout
            )
        self.weights: dict[str, Any] = {"weights": "random"}
        if self.config.weights is not None:
            self.weights = _load_pretrained(network, self.config)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        nothing = torch.zeros(1, channels, 1, 1, device=self.device)
        self.normalisation = Normalisation(nothing, nothing + 1.0)

    def fit(self, train: Images, valid: Images | None = None) -> "Trainer":
        """Train as the weights ask: ``fine_tune`` where they are pretrained, else ``fit_one_cycle``."""
        if self.config.weights is not None:
            return self.fine_tune(train, valid)
        return self.fit_one_cycle(train, valid)

    def fit_one_cycle(self, train: Images, valid: Images | None = None) -> "Trainer":
        """Train all layers at one rate, from random weights."""
        self.normalisation = normalisation_of(train, centre_below=self.config.centre_below)
        with own_draws(self.device):
            self._cycle("all", train, valid, self._epochs(train), rate=self.config.learning_rate, depth_decay=1.0)
        return self

    def fine_tune(self, train: Images, valid: Images | None = None) -> "Trainer":
        """Train the new head on a frozen body first, then all layers, the deeper the slower.

        J. Howard, S. Gugger: Deep Learning for Coders with fastai and PyTorch (2020), chapter 1.
        """
        config = self.config
        self.normalisation = normalisation_of(train, centre_below=config.centre_below)
        rate = config.fine_tune_rate
        with own_draws(self.device):
            if config.freeze_epochs:
                freeze(self.network.body, True)
                self._cycle("head", train, valid, config.freeze_epochs, rate=rate, depth_decay=1.0)
                freeze(self.network.body, False)
            self._cycle("all", train, valid, self._epochs(train), rate=rate, depth_decay=config.depth_decay)
        return self

    def predict_scores(self, images: Images) -> Tensor:
        """Scores before softmax, float32 ``(N, K)`` on the CPU."""
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self._scores(images.batch(positions)).float().cpu()
                for positions in np.array_split(np.arange(len(images)), math.ceil(len(images) / _AT_ONCE))
            ]
        return torch.cat(parts)

    def predict_proba(self, images: Images, *, temperature: float = 1.0) -> np.ndarray:
        """Probabilities, float64 ``(N, K)``; rows sum to one."""
        scores = self.predict_scores(images).double() / temperature
        return np.asarray(scores.softmax(dim=1).numpy())

    def _cycle(
        self, phase: str, train: Images, valid: Images | None, epochs: int, *, rate: float, depth_decay: float
    ) -> None:
        """Run one learning-rate cycle over ``epochs`` passes: this is the loop."""
        config, first_step = self.config, sum(row["steps"] for row in self.history)
        groups = parameter_groups(self.network, rate=rate, depth_decay=depth_decay, weight_decay=config.weight_decay)
        optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
        steps = epochs * len(batches(np.arange(len(train)), config.batch_size))
        step = 0
        for epoch in range(epochs):
            started, total = time.perf_counter(), torch.zeros((), device=self.device)
            self.network.train()
            if phase == "head":
                self.network.body.eval()  # statistics of a frozen body stay those of its weights
            parts = batches(epoch_order(len(train), seed=self.seed, epoch=len(self.history)), config.batch_size)
            for positions in parts:
                draw = step_generator(self.device, seed=self.seed, step=first_step + step)
                seed_globally(draw.initial_seed(), self.device)  # dropout has no generator of its own
                # what tells nearly equal samples apart is smaller than any augmentation
                images = train.batch(positions, None if self.normalisation.centred else draw)
                targets = train.targets(positions)
                images, shares = self._mixed(images, targets, positions, first_step + step)
                set_rates(optimiser.param_groups, one_cycle(step / steps, warm_share=config.warm_share))
                loss = nn.functional.cross_entropy(self._scores(images), shares, label_smoothing=config.label_smoothing)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                total += loss.detach() * len(positions)
                step += 1
            self._end_epoch(phase, epoch, epochs, len(parts), float(total) / len(train), valid, optimiser, started)

    def _end_epoch(
        self,
        phase: str,
        epoch: int,
        epochs: int,
        steps: int,
        loss: float,
        valid: Images | None,
        optimiser: torch.optim.Optimizer,
        started: float,
    ) -> None:
        if not math.isfinite(loss):
            raise TrainingError(
                f"trainer: expected a finite loss, got {loss} in epoch {epoch + 1} of {epochs} ({phase}); "
                "lower the learning rate"
            )
        row: Row = {"phase": phase, "epoch": epoch + 1, "epochs": epochs, "steps": steps, "loss": loss}
        row["rate"] = optimiser.param_groups[0]["lr"]
        if valid is not None:
            scores = self.predict_scores(valid)
            truth = valid.targets(np.arange(len(valid))).cpu()
            row["valid_loss"] = float(nn.functional.cross_entropy(scores, truth))
            row["valid_accuracy"] = float((scores.argmax(dim=1) == truth).double().mean())
        row["seconds"] = time.perf_counter() - started
        self.history.append(row)
        if self.on_epoch is not None:
            self.on_epoch(row)

    def _scores(self, images: Tensor) -> Tensor:
        images = self.normalisation(images).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            scores: Tensor = self.network(images)
        return scores.float()

    def _mixed(self, images: Tensor, targets: Tensor, positions: np.ndarray, step: int) -> tuple[Tensor, Tensor]:
        """Mixup (Zhang et al. 2018, arXiv:1710.09412): convex sums of pairs of images and of their labels."""
        shares = nn.functional.one_hot(targets, self.classes).float()
        if not self.config.mixup:
            return images, shares
        random = np.random.default_rng((self.seed, step, 1))
        share = float(random.beta(self.config.mixup, self.config.mixup))
        other = torch.from_numpy(random.permutation(len(positions))).to(images.device)
        return torch.lerp(images[other], images, share), torch.lerp(shares[other], shares, share)

    def _epochs(self, train: Images) -> int:
        per_epoch = len(batches(np.arange(len(train)), self.config.batch_size))
        return max(self.config.epochs, math.ceil(self.config.min_steps / per_epoch))


def _load_pretrained(network: Network, config: TrainConfig) -> dict[str, Any]:
    """Put pretrained weights into the body; only the head and an adapted stem may differ."""
    found = find_weights(config.weights or "", config.backbone)
    own = network.body.state_dict()
    state = adapt_stem(found.state, own)
    for name in own:  # older files lack a counter that no network here reads
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, own[name])
    missing = sorted(set(own) - set(state))
    wrong = sorted(name for name in set(own) & set(state) if own[name].shape != state[name].shape)
    surplus = sorted(set(state) - set(own) - _of_a_head(network.body, state))
    if missing or wrong or surplus:
        raise WeightsError(
            f"weights: expected {found.source} to fit backbone {config.backbone!r}, got {len(missing)} missing "
            f"({', '.join(missing[:3])}), {len(wrong)} of other shapes ({', '.join(wrong[:3])}) and {len(surplus)} "
            f"without a place ({', '.join(surplus[:3])})"
        )
    network.body.load_state_dict({name: state[name] for name in own})
    return {"weights": config.weights, "file": found.source, "sha256": found.sha256}


def _of_a_head(body: nn.Module, state: dict[str, Tensor]) -> set[str]:
    """Names of the weights of the head that the body came without, and of side heads that only training uses."""
    taken_off = {path for path, part in body.named_modules() if isinstance(part, nn.Identity)}
    return {name for name in state if name.rpartition(".")[0] in taken_off or name.lower().startswith("aux")}
