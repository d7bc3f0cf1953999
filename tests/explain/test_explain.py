"""Every method explains every kind of model, in figures, JSON and arrays."""

import json
import sys

import numpy as np
import pytest

from img_repr import ImageClassifier, ImageRegressor
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import ParameterError
from img_repr.core.naming import get_encoder
from img_repr.core.raw_view import RAW_VIEWS
from img_repr.explain.explainer import ALL_METHODS, explain

pytestmark = pytest.mark.filterwarnings("ignore:.*optimizer steps.*")
RANDOM = np.random.default_rng(0)
SERIES, LABELS = RANDOM.normal(size=(12, 50)), np.arange(12) % 3
BRIEF = {"size": 16, "epochs": 1, "min_steps": 1, "validation_fraction": 0.0}


@pytest.fixture(scope="module")
def model():
    return ImageClassifier("gadf", **BRIEF).fit(SERIES, LABELS)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_every_method_gives_weights_over_the_series(model, method):
    if method != "raw_occlusion":
        pytest.importorskip("captum")
    (one,) = explain(model, SERIES[:1], method, target=1)
    assert one.weights.shape == (50,)
    assert one.weights.min() >= 0.0
    assert one.weights.sum() == pytest.approx(1.0) or not one.weights.any()
    assert one.target == "1"
    assert one.probability == pytest.approx(model.predict_proba(SERIES[:1])[0, 1])
    assert json.loads(json.dumps(one.to_dict()))["method"] == method
    assert set(one.arrays()) >= {"weights", "axis_time_step", "image_0"}


@pytest.mark.parametrize("encoder", ["gadf+mtf", "gadf|mtf"])
def test_stacks_and_ensembles_are_explained(encoder):
    pytest.importorskip("captum")
    model = ImageClassifier(encoder, n_members=2, **BRIEF).fit(SERIES, LABELS)
    (one,) = explain(model, SERIES[:1])
    assert one.weights.shape == (50,)
    assert len(one.heats) == encoder.count("|") + 1


def test_a_regressor_and_a_saved_model_are_explained(tmp_path):
    pytest.importorskip("captum")
    model = ImageRegressor("gadf", **BRIEF).fit(SERIES, SERIES[:, 0])
    here, there = explain(model, SERIES[:1])[0], explain(model.save(tmp_path / "model"), SERIES[:1])[0]
    np.testing.assert_allclose(here.weights, there.weights)
    assert here.probability is None


@pytest.mark.parametrize("domain", ["audio", "binary", "mouse", "tabular", "timeseries"])
def test_each_domain_plots_and_masks_its_samples(domain):
    view = RAW_VIEWS[domain]
    sample = DOMAINS[domain].make_samples(1, 0)[0]
    encoder = get_encoder(DOMAINS[domain].encoder, size=16) if domain != "tabular" else get_encoder("rowmajor")
    shape = tuple(len(axis) for axis in view.axes(sample, encoder).values())
    if domain != "tabular":
        image = np.asarray(encoder([sample]))[0]
        assert encoder.back_project(image[0] if len(image) == 1 else image, sample).shape == shape
    from matplotlib.figure import Figure

    for weights in (None, RANDOM.random(shape)):
        axes = Figure().add_subplot()
        view.plot(axes, sample, encoder, weights)
        assert axes.get_xlabel()
    masked = np.zeros(shape, bool)
    masked[..., : shape[-1] // 2] = True
    assert repr(view.mask(sample, encoder, masked)) != repr(sample) or domain == "mouse"


def test_plot_leaves_pyplot_alone(model):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    axes = explain(model, SERIES[:1], "raw_occlusion")[0].plot()
    assert axes.get_xlabel() == "time step"
    assert pyplot.get_fignums() == before


def test_wrong_arguments_are_named(model, monkeypatch):
    with pytest.raises(ParameterError, match="did you mean 'gradcam'"):
        explain(model, SERIES, "grad_cam")
    with pytest.raises(ParameterError, match="expected target to be one of 0, 1, 2, got 'x'"):
        explain(model, SERIES[:1], "raw_occlusion", target="x")
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ParameterError, match=r"pip install 'img-repr\[explain\]'"):
        explain(model, SERIES[:1])
