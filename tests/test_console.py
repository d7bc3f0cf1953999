"""What the command line shows: one line per error and note, whole files or none, bars on a terminal only."""

import logging
import signal
import warnings

import pytest
import torch
from rich.console import Console

from img_repr import console
from img_repr.commands.guard import in_plain_words
from img_repr.commands.options import read_settings
from img_repr.console import complain, counting_bar, is_terminal, notes, print_table, say, training_bar
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.training.engine import Engine
from img_repr.training.images import ReadyImages
from img_repr.training.trainer import Trainer


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("a=3", 3),
        ("a=-0.5", -0.5),
        ("a=(1, 2)", (1, 2)),
        ("a=None", None),
        ("a=True", True),
        ("a=fit", "fit"),
        ("a='fit'", "fit"),
        ("a=b=c", "b=c"),
        ("a=", ""),
        ("a=[1", "[1"),
        ("a=__import__('os')", "__import__('os')"),
    ],
)
def test_a_setting_is_a_literal_or_a_word(setting, value):
    assert read_settings([setting], "--set") == {"a": value}


@pytest.mark.parametrize("setting", ["a", "=3", ""])
def test_a_setting_without_a_name_or_a_value_names_the_option(setting):
    with pytest.raises(ParameterError, match=f"--train: expected name=value, got '{setting}'"):
        read_settings([setting], "--train")
    assert read_settings(None, "--train") == {}


def test_what_is_printed_is_one_line_with_its_brackets_and_colons(capsys):
    odd = "[red]a[/red] :car: " + "word " * 60
    say(odd)
    complain(odd + "\n  and more")
    said = capsys.readouterr()
    assert said.out == odd + "\n"
    assert said.err == f"error: {' '.join(odd.split())} and more\n"
    print_table("[b]", ("[c]",), [("[d] :car:",)])
    assert "[c]" in (table := capsys.readouterr().out)
    assert "[d] :car:" in table


def test_a_note_is_told_once_and_without_the_counts_of_a_batch(capsys):
    with in_plain_words():
        for count in (1, 2):
            notes.show(f"gadf: {count} of 16 series (first: number {count}) are constant:\n their field is zero")
        notes.show("another")
    assert capsys.readouterr().err == (
        "note: gadf: some series are constant: their field is zero\nnote: another\n"
    )  # fmt: skip
    with in_plain_words():
        notes.show("another")
    assert capsys.readouterr().err == "note: another\n"


def test_warnings_and_the_log_become_notes_and_lines(capsys):
    shown = warnings.showwarning
    with in_plain_words():
        warnings.warn("dull", DegenerateSampleWarning, stacklevel=1)
        logging.getLogger("img_repr.somewhere").warning("odd %d", 3)
        logging.getLogger("img_repr.somewhere").info("1 of 2")
    assert capsys.readouterr().err == "note: dull\nnote: odd 3\n1 of 2\n"
    assert warnings.showwarning is shown
    assert notes not in logging.getLogger("img_repr").handlers


def test_forced_color_makes_no_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Console().is_terminal
    assert not is_terminal()


def test_counting_bars_are_for_terminals(capsys, monkeypatch):
    with counting_bar("counting", 2) as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(console, "messages", terminal())
    with counting_bar("counting", 2) as advance:
        advance(1)
    assert "counting" in capsys.readouterr().err


def terminal() -> Console:
    return Console(stderr=True, force_terminal=True, width=120)


def network(*listeners, **hyperparameters) -> Trainer:
    hyperparameters = {"epochs": 3, "min_steps": 0, "batch_size": 4, "mixup": 0.0} | hyperparameters
    return Trainer(classes=2, channels=1, device=torch.device("cpu"), listeners=listeners, **hyperparameters)


def noise(count: int = 8) -> ReadyImages:
    return ReadyImages(torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0)), [0, 1] * (count // 2))


def test_the_training_bar_tells_what_a_training_does(capsys, monkeypatch):
    monkeypatch.setattr(console, "messages", terminal())
    monkeypatch.setattr(console, "_REFRESH_S", 0.0)
    with training_bar(2) as bar:
        assert bar.position == ""
        for seed in (0, 1):
            trainer = network(bar, seed=seed).fit(noise(), noise(4))
            assert bar.position == f"network {seed + 1} of 2, epoch 3 of 3"
    shown = capsys.readouterr().err
    row = trainer.history[-1]
    assert f"network 2 of 2, epoch 3 of 3, loss {row['loss']:.3f}, accuracy {row['valid_accuracy']:.3f}, rate " in shown
    assert "6/6" in shown
    assert "going on" not in shown


def test_the_training_bar_asks_seldom_how_far_a_training_is(capsys, monkeypatch):
    class Watched(Trainer):
        times = 0

        @property
        def progress(self):
            self.times += 1
            return super().progress

    def asked_by(epochs):
        with training_bar() as bar:
            trainer = Watched(classes=2, channels=1, epochs=epochs, min_steps=0, batch_size=2, listeners=(bar,))
            return trainer.fit(noise()).times

    monkeypatch.setattr(console, "_REFRESH_S", 3600.0)
    assert asked_by(1) == asked_by(5) == 1  # no terminal: only where it starts
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(console, "messages", terminal())
    assert asked_by(5) - asked_by(1) == 4  # once in each epoch of four steps


def test_of_several_processes_one_shows(capsys, monkeypatch):
    monkeypatch.setattr(console, "messages", terminal())
    trainer = network()
    trainer.engine = Engine(torch.device("cpu"), rank=1, world=2)
    with training_bar() as bar:
        for event in ("fit_start", "step_end", "epoch_end", "fit_end"):
            bar(event, trainer)
        assert bar.position == ""
    assert capsys.readouterr() == ("", "")


def test_it_is_said_from_where_a_training_goes_on(capsys, tmp_path):
    def stop(event, trainer):
        if event == "step_end" and trainer.progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), training_bar() as bar:
        network(bar, stop).fit(noise(), checkpoints=tmp_path)
    assert bar.position == "epoch 2 of 3"
    assert capsys.readouterr() == ("", "")
    with training_bar() as bar:
        network(bar).fit(noise(), checkpoints=tmp_path)
    assert capsys.readouterr() == ("", "resuming from epoch 2 of 3\n")
