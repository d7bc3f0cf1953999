"""The loop: phases, epochs and steps of a training, read from top to bottom, from wherever it stands."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import TrainingError
from img_repr.training.checkpointer import Checkpointer
from img_repr.training.events import Row
from img_repr.training.images import Images, ReadyImages
from img_repr.training.interruption import stop_requests
from img_repr.training.network import Network
from img_repr.training.plan import Phase, Place, Plan, note_a_short_schedule
from img_repr.training.probe import check_compiler, check_network_takes
from img_repr.training.schedule import (
    batches,
    epoch_order,
    freeze,
    one_cycle,
    own_draws,
    seed_globally,
    set_rates,
    step_generator,
)

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

Look: TypeAlias = Callable[[Network, Tensor], Tensor]
_AT_ONCE = 256  # images per pass without gradients


def run(trainer: "Trainer", plan: Plan | None, train: Images, valid: Images | None, folder: str | Path | None) -> None:
    """Train until the plan is done: this is the loop.

    Where it stands is ``trainer.place`` and nothing else: from a checkpoint it goes on as it would have gone on.
    """
    config, checkpointer = trainer.config, Checkpointer(trainer, folder, train, valid)
    stoppable = folder is not None and trainer.engine.world == 1
    with own_draws(trainer.device), stop_requests(stoppable) as stop_is_asked_for:
        trainer.plan, trainer.place = plan, place = checkpointer.begin(plan)
        check_first(trainer, train)
        trainer.tell("fit_start")
        while trainer.place != plan.end:
            place = Place(trainer.place.phase)
            phase, steps_before = plan.phases[place.phase], plan.steps_before(place)
            freeze(trainer.network.body, phase.name == "head")
            source, judged, look = inputs_of(trainer, phase, train, valid)
            network = cast(Network, torch.compile(trainer.network)) if config.compile else trainer.network
            optimizer = checkpointer.optimizer(phase)
            while trainer.place.phase == place.phase:
                started = time.perf_counter()
                order = epoch_order(len(train), seed=trainer.seed, epoch=plan.epochs_before(trainer.place))
                parts = batches(order, config.batch_size)
                if trainer.place.step == 0:
                    trainer.losses = torch.zeros(len(parts), device=trainer.device)
                begin_to_learn(trainer.network, phase)
                while trainer.place.step < len(parts):
                    step, number = trainer.place.step, plan.steps_before(trainer.place)
                    if not trainer.network.training:  # a listener has asked for predictions
                        begin_to_learn(trainer.network, phase)
                    progress = (number - steps_before) / (phase.epochs * len(parts))
                    trainer.rate = set_rates(optimizer.param_groups, one_cycle(progress, pct_start=config.pct_start))
                    loss = learn(trainer, network, look, source, parts[step], number, optimizer)
                    trainer.losses[step] = loss
                    at_hand = trainer.device.type == "cpu" and trainer.engine.world == 1  # elsewhere it is waited for
                    if at_hand and not math.isfinite(float(loss)):
                        check_losses(trainer, train, parts[: step + 1])
                    trainer.place = replace(trainer.place, step=step + 1)
                    trainer.tell("step_end")
                    if stop_is_asked_for():
                        check_losses(trainer, train, parts[: step + 1])
                        raise checkpointer.interrupted(optimizer)
                    checkpointer.keep_from_time_to_time(optimizer)
                check_losses(trainer, train, parts)
                trainer.history.append(row_of(trainer, phase, parts, judged, look, started))
                trainer.place = plan.end if checkpointer.judge() else plan.after_epoch(trainer.place)
                checkpointer.keep(optimizer)
                trainer.tell("epoch_end")
                if stop_is_asked_for():
                    raise checkpointer.interrupted(optimizer)
        checkpointer.finish()
        trainer.network.requires_grad_(True)
        trainer.tell("fit_end")


def check_first(trainer: "Trainer", train: Images) -> None:
    """Refuse, before the first step, images and pieces of a batch that the network does not take; see ``probe``.

    Raises
    ------
    ParameterError
    """
    if trainer.place == trainer.plan.end:
        return
    config, engine = trainer.config, trainer.engine
    if trainer.place == Place() and engine.is_main_process and not 0 < config.min_steps <= trainer.plan.steps:
        note_a_short_schedule(trainer.plan)  # who names few steps knows that they are few
    batch = trainer.plan.count // trainer.plan.per_epoch  # the smallest
    pieces = min(config.grad_accum_steps, math.ceil(batch / engine.world))
    # several processes normalize over the pieces of all
    smallest = batch // pieces if engine.world == 1 else 2
    shape = tuple(train.batch(np.arange(1)).shape[1:])
    if shape[0] == trainer.channels:  # else the first step says so
        check_network_takes(trainer.network, config.backbone, shape, smallest=smallest)
    if config.compile:
        check_compiler(trainer.device)


def begin_to_learn(network: Network, phase: Phase) -> None:
    """Set what behaves otherwise in training; the statistics of a frozen body stay those of its weights."""
    network.train()
    if phase.name == "head":
        network.body.eval()


def learn(
    trainer: "Trainer",
    network: Network,
    look: Look,
    source: Images,
    positions: np.ndarray,
    number: int,
    optimizer: torch.optim.Optimizer,
) -> Tensor:
    """Learn from one batch, in pieces where ``grad_accum_steps`` says so; gives its mean loss."""
    config, engine, task = trainer.config, trainer.engine, trainer.task
    # all processes take as many pieces, if need be of no image, for they meet in each: statistics are summed there
    pieces = min(config.grad_accum_steps, math.ceil(len(positions) / engine.world))
    trainer.network.zero_grad(set_to_none=True)  # of a frozen body too, whose old gradients would be clipped with
    loss = torch.zeros((), device=trainer.device)
    for piece, chosen in enumerate(np.array_split(engine.share(positions), pieces)):
        own = engine.rank * config.grad_accum_steps + piece
        draw = step_generator(trainer.device, seed=trainer.seed, step=number, piece=own)
        seed_globally(draw.initial_seed(), trainer.device)  # dropout has no generator of its own
        # what tells nearly equal samples apart is smaller than any augmentation
        images = source.batch(chosen, None if trainer.normalization.centered else draw)
        shares = task.shares(source.targets(chosen))
        if config.mixup:
            images, shares = mixed(images, shares, seed=(trainer.seed, number, 1, own), beta=config.mixup)
        part = task.loss(look(network, images), shares, count=len(positions), smoothing=config.label_smoothing)
        part.backward()  # type: ignore[no-untyped-call]
        loss += part.detach()
    loss = engine.total_gradients(trainer.network, loss)
    if config.grad_clip:
        nn.utils.clip_grad_norm_(trainer.network.parameters(), config.grad_clip)
    optimizer.step()
    if trainer.average is not None:
        trainer.average.update(trainer.network, number)
    return loss


def mixed(images: Tensor, shares: Tensor, *, seed: tuple[int, ...], beta: float) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018, arXiv:1710.09412): convex sums of pairs of images and of their labels."""
    random = np.random.default_rng(seed[:-1] if seed[-1] == 0 else seed)
    share = float(random.beta(beta, beta))
    other = torch.from_numpy(random.permutation(len(images))).to(images.device)
    return (
        torch.lerp(images.index_select(0, other), images, share),
        torch.lerp(shares.index_select(0, other), shares, share),
    )


def inputs_of(
    trainer: "Trainer", phase: Phase, train: Images, valid: Images | None
) -> tuple[Images, Images | None, Look]:
    """Give what a phase learns from and is judged by, and how scores are made of it.

    A frozen body gives the same features of the same image again and again: where nothing is drawn again it is run
    once, and the head learns from these.
    """
    if phase.name != "head" or (train.is_random and not trainer.normalization.centered):
        return train, valid, trainer.look

    def head(network: Network, features: Tensor) -> Tensor:
        return trainer.forward_normalized(network.head, features)

    def features(images: Images) -> Images:
        return ReadyImages(trainer.features(images).to(trainer.device), images.targets(np.arange(len(images))))

    return features(train), None if valid is None else features(valid), head


def scores_of(trainer: "Trainer", images: Images, network: Network, look: Look, *, view: int | None = None) -> Tensor:
    """Scores of all images, ``(N, K)`` on the CPU; of several processes each makes a share of them.

    With ``view``, of a draw of each sample.
    """
    network.eval()
    mine = trainer.engine.share(np.arange(len(images)))
    parts = []
    with torch.inference_mode():
        for number, positions in enumerate(np.array_split(mine, max(1, math.ceil(len(mine) / _AT_ONCE)))):
            draw = None
            if view is not None:
                draw = step_generator(trainer.device, seed=trainer.seed, step=number, piece=view)
                seed_globally(draw.initial_seed(), trainer.device)
            parts.append(look(network, images.batch(positions, draw)).cpu())
    return trainer.engine.gather(torch.cat(parts), len(images))


def row_of(
    trainer: "Trainer", phase: Phase, parts: list[np.ndarray], judged: Images | None, look: Look, started: float
) -> Row:
    """Give the row of history of an epoch whose steps are done."""
    sizes = torch.tensor([len(part) for part in parts], dtype=torch.float64)
    row: Row = {
        "phase": phase.name,
        "epoch": trainer.place.epoch + 1,
        "epochs": phase.epochs,
        "steps": len(parts),
        "loss": float(trainer.losses.double().cpu() @ sizes / sizes.sum()),
        "rate": trainer.rate,
    }
    if judged is not None:
        task, scores = trainer.task, scores_of(trainer, judged, trainer.judged_network, look)
        targets = judged.targets(np.arange(len(judged))).cpu()
        row["valid_loss"] = float(task.loss(scores, task.shares(targets), count=len(judged)))
        judgment = task.judge(scores, targets)
        if math.isfinite(judgment):  # else it is not defined for these targets
            row[f"valid_{task.metric}"] = judgment
    row["seconds"] = time.perf_counter() - started
    return row


def check_losses(trainer: "Trainer", train: Images, parts: list[np.ndarray]) -> None:
    """Refuse a loss that is no number, with its batch and its likely reason.

    Raises
    ------
    TrainingError
    """
    losses = trainer.losses[: len(parts)].isfinite()
    if bool(losses.all()):
        return
    phase, step = trainer.plan.phases[trainer.place.phase], int((~losses).nonzero()[0])
    images = train.batch(parts[step])
    finite = images.isfinite().flatten(1).all(dim=1).cpu().numpy()
    progress = (trainer.place.epoch + step / trainer.plan.per_epoch) / phase.epochs
    rate = phase.rate * one_cycle(progress, pct_start=trainer.config.pct_start)
    reason = f"lower the learning rate, which was {rate:.1e}"
    if not finite.all():
        reason = f"the images of samples {_some(parts[step][~finite])} are not finite"
    elif phase.name == "head" and not bool(_features(trainer, images).isfinite().all()):
        reason = "the images are finite, and the features that the weights of the frozen body give are not"
    raise TrainingError(
        f"trainer: expected a finite loss, got {float(trainer.losses[step])} in epoch {trainer.place.epoch + 1} of "
        f"{phase.epochs} ({phase.name}), step {step + 1} of {trainer.plan.per_epoch}, samples {_some(parts[step])}; "
        f"{reason}"
    )


def _features(trainer: "Trainer", images: Tensor) -> Tensor:
    with torch.no_grad():
        return trainer.look(trainer.network.body, images)


def _some(positions: np.ndarray) -> str:
    return ", ".join(map(str, positions[:8])) + (" ..." if len(positions) > 8 else "")
