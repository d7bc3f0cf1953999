"""The samples that excite a unit most are found among all samples, with their place in the raw data."""

import json

import numpy as np
import pytest
import torch

from img_repr import ImageClassifier
from img_repr.core.errors import ParameterError
from img_repr.explain.layers import layers, list_layers, plot_layers


@pytest.fixture(scope="module")
def data():
    """Noise, and in every second series a pulse."""
    random, y = np.random.default_rng(0), np.arange(40) % 2
    X = random.normal(0, 0.1, (40, 64))
    X[y == 1, 40:48] += 2.0
    return X, y


@pytest.fixture(scope="module")
def model(data):
    hyperparameters = {"epochs": 8, "min_steps": 40, "augment": False, "validation_fraction": 0.0, "device": "cpu"}
    return ImageClassifier("line(limits=(-1, 3))", size=32, **hyperparameters).fit(*data)


def peaks_of(model, X, layer):
    """Largest activation of each unit for each sample, computed at once."""
    found = []
    member = model.members_[0]
    handle = member.network.get_submodule(layer).register_forward_hook(lambda _, __, output: found.append(output))
    with torch.no_grad():
        member.network.eval()(member.normalization(torch.as_tensor(model.encoders[0](X)).float()))
    handle.remove()
    return found[0].amax(dim=(2, 3)).numpy()


@pytest.mark.parametrize("batch", [7, 64])
def test_each_unit_has_its_most_exciting_samples(model, data, batch, monkeypatch):
    monkeypatch.setattr("img_repr.explain.layers._BATCH", batch)
    X, _ = data
    for layer in list_layers(model, X)[::3]:
        peaks = peaks_of(model, X, layer)
        for unit in layers(model, X, layer, units=3, top=4):
            column = peaks[:, unit[0].unit]
            np.testing.assert_allclose([one.value for one in unit], np.sort(column)[::-1][:4], rtol=1e-4, atol=1e-5)
            for one in unit:
                assert one.value == pytest.approx(column[one.position], rel=1e-4, abs=1e-5)


def test_units_that_look_for_the_pulse_find_it(model, data):
    X, y = data
    found = layers(model, X, units=8, top=3)
    pulsed = [unit for unit in found if all(y[one.position] == 1 for one in unit)]
    assert pulsed
    inside = [[one.weights[36:52].sum() for one in unit] for unit in pulsed]
    assert np.max(np.mean(inside, axis=1)) > 0.5  # of 16 in 64 steps
    step = int(pulsed[int(np.mean(inside, axis=1).argmax())][0].strongest_place().removeprefix("time_step "))
    assert 36 <= step < 52
    figure = plot_layers(found[:2], model.encoders[0])
    assert len(figure.axes) == 12


def test_wrong_names_and_counts_are_refused(model, data):
    X, _ = data
    with pytest.raises(ParameterError, match=r"layers: expected the name of a layer with maps, .* got 'conv1'"):
        layers(model, X, "conv1")
    with pytest.raises(ParameterError, match="expected units to be an integer from 1"):
        layers(model, X, units=0)


def test_the_command_prints_and_draws(model, data, tmp_path, monkeypatch, capsys):
    from img_repr.__main__ import main

    X, y = data
    model.save(tmp_path / "model")
    np.savez(tmp_path / "pulses.npz", X=X, y=y)
    monkeypatch.chdir(tmp_path)
    words = ["layers", "model", "pulses.npz", "--units", "2", "--top", "2", "--out", "layers.png"]
    monkeypatch.setattr("sys.argv", ["img-repr", *words])
    main()
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "2 units in layers.png"
    assert "time_step" in said
    assert (tmp_path / "layers.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "model" / "model.json").read_text())["kind"]  # untouched
