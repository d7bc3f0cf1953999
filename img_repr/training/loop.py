"""The training loop: phases, epochs and steps, from the top of the file to the bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import TrainingError
from img_repr.training.checkpointer import Checkpointer
from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.events import Event, Row
from img_repr.training.forward import Forward, forward, forward_all, forward_normalized
from img_repr.training.frozen_body import body_features, fit_head
from img_repr.training.images import Images, ReadyImages, all_targets
from img_repr.training.interruption import stop_requests
from img_repr.training.network import Network
from img_repr.training.normalization import normalization_of
from img_repr.training.onnx_body import refuse_training
from img_repr.training.plan import Phase, Plan, Position, warn_about_few_steps
from img_repr.training.probe import check_compiler, check_network_takes
from img_repr.training.schedule import (
    batches,
    epoch_order,
    fork_rng,
    freeze,
    one_cycle,
    seed_globally,
    set_rates,
    step_generator,
)
from img_repr.training.state import TrainingState, WeightAverage


def run_training(
    state: TrainingState,
    config: TrainConfig,
    engine: Engine,
    *,
    plan: Plan | None,
    train: Images,
    valid: Images | None,
    groups: np.ndarray | None,
    checkpointer: Checkpointer,
    notify: Callable[[Event], None],
) -> None:
    """Train until the plan is done.

    ``state.position`` alone decides the next step, so a restored training repeats an uninterrupted one bit by bit.

    Parameters
    ----------
    state : TrainingState
        Changed in place.
    config : TrainConfig
    engine : Engine
    plan : Plan, optional
        None: that of the checkpoint, which must exist.
    train : Images
    valid : Images, optional
    groups : ndarray, optional
        Group of each training image, for :func:`img_repr.training.frozen_body.fit_head`.
    checkpointer : Checkpointer
    notify : callable
        Called with each event.
    """
    refuse_training(config.backbone)
    stoppable = checkpointer.folder is not None and engine.world == 1
    with fork_rng(engine.device), stop_requests(stoppable) as stop_requested:
        if not checkpointer.restore(plan):
            start(state, config, engine, cast(Plan, plan), train, valid)
        plan = state.plan
        check_first_step(state, config, engine, train)
        notify("fit_start")
        while state.position != plan.end:
            phase_number = state.position.phase
            phase, steps_before = plan.phases[phase_number], plan.steps_before(Position(phase_number))
            freeze(state.network.body, phase.name == "head")
            if phase.is_fit:
                fit_head(state, config, engine, phase, train, valid, groups)
                checkpointer.update_best()
                state.position = Position(phase_number + 1)
                optimizer = checkpointer.optimizer(phase)
                checkpointer.save(optimizer)
                notify("epoch_end")
                if stop_requested():
                    raise checkpointer.interrupted(optimizer)
                continue
            inputs = phase_inputs(state, config, engine, phase, train, valid)
            network = cast(Network, torch.compile(state.network)) if config.compile else state.network
            optimizer = checkpointer.optimizer(phase)
            while state.position.phase == phase_number:
                started = time.perf_counter()
                order = epoch_order(len(train), seed=state.seed, epoch=plan.epochs_before(state.position))
                epoch = batches(order, config.batch_size)
                if state.position.step == 0:
                    state.losses = torch.zeros(len(epoch), device=engine.device)
                set_train_mode(state.network, phase)
                while state.position.step < len(epoch):
                    step, number = state.position.step, plan.steps_before(state.position)
                    if not state.network.training:  # a listener has predicted
                        set_train_mode(state.network, phase)
                    progress = (number - steps_before) / (phase.epochs * len(epoch))
                    state.rate = set_rates(optimizer.param_groups, one_cycle(progress, pct_start=config.pct_start))
                    loss = train_step(
                        state,
                        config,
                        engine,
                        network=network,
                        inputs=inputs,
                        positions=epoch[step],
                        number=number,
                        optimizer=optimizer,
                    )
                    state.losses[step] = loss
                    known = engine.device.type == "cpu" and engine.world == 1  # elsewhere reading it would wait
                    if known and not math.isfinite(float(loss)):
                        check_losses(state, config, engine, train, epoch[: step + 1])
                    state.position = replace(state.position, step=step + 1)
                    notify("step_end")
                    if stop_requested():
                        check_losses(state, config, engine, train, epoch[: step + 1])
                        raise checkpointer.interrupted(optimizer)
                    checkpointer.save_if_due(optimizer)
                check_losses(state, config, engine, train, epoch)
                state.history.append(epoch_row(state, engine, phase, epoch, inputs, started))
                state.position = plan.end if checkpointer.update_best() else plan.after_epoch(state.position)
                checkpointer.save(optimizer)
                notify("epoch_end")
                if stop_requested():
                    raise checkpointer.interrupted(optimizer)
        checkpointer.load_final_weights()
        state.network.requires_grad_(True)
        notify("fit_end")


def start(
    state: TrainingState, config: TrainConfig, engine: Engine, plan: Plan, train: Images, valid: Images | None
) -> None:
    """Fit the task and the normalization to the training part, and go to the first step of a plan."""
    state.task = state.task.fit(all_targets(train), class_weight=config.class_weight)
    if valid is not None:  # wrong targets are found now, and not at the end of the first epoch
        state.task.fit(all_targets(valid), class_weight=None)
    engine.broadcast_weights(state.network)
    state.normalization = normalization_of(train, center_below=config.center_below, own_values=state.network.own_values)
    if config.ema_decay:
        state.ema = WeightAverage(state.network, config.ema_decay)
    state.history, state.losses = [], torch.zeros(0)
    state.plan, state.position = plan, Position()


def check_first_step(state: TrainingState, config: TrainConfig, engine: Engine, train: Images) -> None:
    """Check before the first step that the network takes the images, in the smallest piece of a batch that occurs.

    Raises
    ------
    ParameterError
    """
    plan = state.plan
    if state.position == plan.end:
        return
    if state.position == Position() and engine.is_main_process and not 0 < config.min_steps <= plan.steps:
        warn_about_few_steps(plan)  # an explicit min_steps shows that few steps are intended
    smallest_batch = plan.count // plan.per_epoch
    pieces = min(config.grad_accum_steps, math.ceil(smallest_batch / engine.world))
    # several processes normalize over the pieces of all
    smallest = smallest_batch // pieces if engine.world == 1 else 2
    shape = tuple(train.batch(np.arange(1)).shape[1:])
    if shape[0] == state.channels:  # else the first step raises the error
        check_network_takes(state.network, config.backbone, shape, smallest=smallest)
    if config.compile:
        check_compiler(engine.device)


@dataclass(frozen=True)
class PhaseInputs:
    """Inputs of one phase, and the forward pass that turns a batch of them into logits."""

    train: Images
    valid: Images | None
    forward: Forward


def phase_inputs(
    state: TrainingState, config: TrainConfig, engine: Engine, phase: Phase, train: Images, valid: Images | None
) -> PhaseInputs:
    """Return the inputs of a phase: the images, or their features if the body is frozen.

    Without random augmentation a frozen body returns the same features in every epoch, so it runs only once.
    """
    forward_images = partial(forward, state, config, engine)
    if phase.name != "head" or (train.is_random and not state.normalization.centered):
        return PhaseInputs(train, valid, forward_images)

    def features(images: Images) -> Images:
        rows = body_features(state, config, engine, images).to(engine.device)
        return ReadyImages(rows, images.targets(np.arange(len(images))))

    def forward_head(network: Network, inputs: Tensor) -> Tensor:
        return forward_normalized(config, engine, network.head, inputs)

    return PhaseInputs(features(train), None if valid is None else features(valid), forward_head)


def set_train_mode(network: Network, phase: Phase) -> None:
    """Switch to training mode; frozen bodies and frozen batch normalization keep their running statistics."""
    network.train()
    if phase.name == "head":
        network.body.eval()
    elif phase.freeze_norm:
        for module in network.body.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def train_step(
    state: TrainingState,
    config: TrainConfig,
    engine: Engine,
    *,
    network: Network,
    inputs: PhaseInputs,
    positions: np.ndarray,
    number: int,
    optimizer: torch.optim.Optimizer,
) -> Tensor:
    """Update the weights by one batch, in ``grad_accum_steps`` pieces, and return its mean loss.

    Parameters
    ----------
    state, config, engine
        Of the training.
    network : Network
        ``state.network`` or its compiled form.
    inputs : PhaseInputs
    positions : ndarray of int
        Samples of the batch.
    number : int
        Steps done before this one; decides all random numbers of the step.
    optimizer : Optimizer
    """
    # all processes run as many pieces, even of no image, because batch statistics are summed over them in each
    pieces = min(config.grad_accum_steps, math.ceil(len(positions) / engine.world))
    state.network.zero_grad(set_to_none=True)  # of a frozen body too, whose old gradients would count in the clipping
    loss = torch.zeros((), device=engine.device)
    for piece, chosen in enumerate(np.array_split(engine.partition(positions), pieces)):
        piece_number = engine.rank * config.grad_accum_steps + piece
        generator = step_generator(engine.device, seed=state.seed, step=number, piece=piece_number)
        seed_globally(generator.initial_seed(), engine.device)  # dropout takes no generator
        # nearly equal images differ by less than any augmentation changes, so they are not augmented
        images = inputs.train.batch(chosen, None if state.normalization.centered else generator)
        targets = state.task.soft_targets(inputs.train.targets(chosen))
        if config.mixup:
            images, targets = mixup(images, targets, seed=(state.seed, number, 1, piece_number), beta=config.mixup)
        logits = inputs.forward(network, images)
        piece_loss = state.task.loss(logits, targets, count=len(positions), smoothing=config.label_smoothing)
        piece_loss.backward()  # type: ignore[no-untyped-call]
        loss += piece_loss.detach()
    loss = engine.total_gradients(state.network, loss)
    if config.grad_clip:
        nn.utils.clip_grad_norm_(state.network.parameters(), config.grad_clip)
    optimizer.step()
    if state.ema is not None:
        state.ema.update(state.network, number)
    return loss


def mixup(images: Tensor, targets: Tensor, *, seed: tuple[int, ...], beta: float) -> tuple[Tensor, Tensor]:
    """Return convex sums of pairs of images and of their soft targets (Zhang et al. 2018, arXiv:1710.09412)."""
    random = np.random.default_rng(seed[:-1] if seed[-1] == 0 else seed)  # the first piece has the batch's own seed
    weight = float(random.beta(beta, beta))
    other = torch.from_numpy(random.permutation(len(images))).to(images.device)
    return (
        torch.lerp(images.index_select(0, other), images, weight),
        torch.lerp(targets.index_select(0, other), targets, weight),
    )


def epoch_row(
    state: TrainingState, engine: Engine, phase: Phase, epoch: list[np.ndarray], inputs: PhaseInputs, started: float
) -> Row:
    """Validate, and return the history's row of an epoch whose steps are done."""
    sizes = torch.tensor([len(batch) for batch in epoch], dtype=torch.float64)
    row: Row = {
        "phase": phase.name,
        "epoch": state.position.epoch + 1,
        "epochs": phase.epochs,
        "steps": len(epoch),
        "loss": float(state.losses.cpu().double() @ sizes / sizes.sum()),
        "rate": state.rate,
    }
    valid, task = inputs.valid, state.task
    if valid is not None:
        logits = forward_all(valid, state.evaluated_network, inputs.forward, seed=state.seed, engine=engine)
        targets = all_targets(valid)
        row["valid_loss"] = float(task.loss(logits, task.soft_targets(targets), count=len(valid)))
        metric = task.evaluate(logits, targets)
        if math.isfinite(metric):  # else it is undefined for these targets
            row[f"valid_{task.metric}"] = metric
    row["seconds"] = time.perf_counter() - started
    return row


def check_losses(
    state: TrainingState, config: TrainConfig, engine: Engine, train: Images, epoch: list[np.ndarray]
) -> None:
    """Refuse a loss that is not finite; the message names its batch and the likely cause.

    Raises
    ------
    TrainingError
    """
    finite_losses = state.losses[: len(epoch)].isfinite()
    if bool(finite_losses.all()):
        return
    plan, position = state.plan, state.position
    phase, step = plan.phases[position.phase], int((~finite_losses).nonzero()[0])
    images = train.batch(epoch[step])
    finite = images.isfinite().flatten(1).all(dim=1).cpu().numpy()
    progress = (position.epoch + step / plan.per_epoch) / phase.epochs
    rate = phase.rate * one_cycle(progress, pct_start=config.pct_start)
    reason = f"lower the learning rate, which was {rate:.1e}"
    if not finite.all():
        reason = f"the images of samples {_some(epoch[step][~finite])} are not finite"
    elif phase.name == "head":
        with torch.no_grad():
            features = forward(state, config, engine, state.network.body, images)
        if not bool(features.isfinite().all()):
            reason = "the images are finite, but the features that the frozen body computes of them are not"
    raise TrainingError(
        f"trainer: expected a finite loss, got {float(state.losses[step])} in epoch {position.epoch + 1} of "
        f"{phase.epochs} ({phase.name}), step {step + 1} of {plan.per_epoch}, samples {_some(epoch[step])}; {reason}"
    )


def _some(positions: np.ndarray) -> str:
    return ", ".join(map(str, positions[:8])) + (" ..." if len(positions) > 8 else "")
