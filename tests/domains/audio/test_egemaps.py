"""eGeMAPS by openSMILE, where it is installed; the sentence about its license where it is not."""

import importlib.util
import sys

import numpy as np
import pytest
from sklearn.base import clone

from img_repr.core.errors import ParameterError
from img_repr.core.features import get_features
from img_repr.domains.audio.egemaps import Egemaps
from img_repr.domains.audio.recording import Recording, make_recordings

needs_opensmile = pytest.mark.skipif(importlib.util.find_spec("opensmile") is None, reason="needs the extra opensmile")


def test_without_the_package_the_extra_and_its_license_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(ParameterError, match=r"img-repr\[opensmile\]' under audEERING's research license \(no comm"):
        get_features("egemaps").fit(make_recordings(2))


def test_it_is_listed_and_cloned_without_the_package() -> None:
    assert repr(clone(get_features("egemaps", sample_rate_hz=16000))) == "Egemaps(sample_rate_hz=16000)"


@needs_opensmile
@pytest.mark.filterwarnings("error")
def test_88_finite_columns_of_any_clip() -> None:
    short = [Recording(np.ones(length, np.float32), 8000) for length in (1, 100, 799)]
    silent = Recording(np.zeros(4000, np.float32), 8000)
    recordings = [*make_recordings(3), *short, silent]
    fitted = Egemaps().fit(recordings)
    table = fitted.transform(recordings)
    assert table.shape == (7, 88) == (7, len(set(fitted.get_feature_names_out())))
    assert np.isfinite(table).all()
    np.testing.assert_array_equal(table[:1], fitted.transform(recordings[:1]))


@needs_opensmile
def test_it_is_opensmiles_own() -> None:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    recording = make_recordings(1)[0]
    fitted = Egemaps().fit([recording])
    expected = smile.process_signal(recording.waveform, recording.sample_rate_hz)
    np.testing.assert_allclose(fitted.transform([recording]), expected.to_numpy(), rtol=1e-6)
    assert fitted.get_feature_names_out().tolist() == expected.columns.tolist()
