"""eGeMAPS, the 88 parameters of the voice sciences, by openSMILE: optional, because its license is not a free one."""

import importlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.features import features
from img_repr.domains.audio.columns import RecordingColumns
from img_repr.domains.audio.sample import AUDIO

_SHORTEST_S = 0.1  # what openSMILE's windows of pitch need


@features(
    AUDIO,
    name="egemaps",
    reference="Eyben et al. 2016, The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and "
    "Affective Computing",
)
class Egemaps(RecordingColumns):
    """The extended Geneva minimalistic acoustic parameter set, version 2, of each recording: 88 columns.

    Pitch, loudness, formants, jitter, shimmer, spectral balance and MFCC 1 to 4, each as statistics over the clip.

    Parameters
    ----------
    sample_rate_hz : int, optional
        Rate to which all recordings are brought, and that of plain waveforms. Default: the commonest of training.

    Attributes
    ----------
    sample_rate_hz_ : int
        The rate in use; of equally common ones the lowest.

    Raises
    ------
    ParameterError
        In ``fit``, if the package ``opensmile`` is not there: ``pip install "img-repr[opensmile]"``.

    Notes
    -----
    **License**: openSMILE comes under audEERING's research license: no commercial use, and none in a product even of
    features, or of models learned from features, that were extracted with it. So no command uses this set unless it
    is named.

    Clips shorter than 0.1 s are followed by silence up to it; silence has finite columns. About 20 ms of work for a
    digit.

    References
    ----------
    F. Eyben, K. Scherer, B. Schuller et al.: The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice
    Research and Affective Computing, IEEE Transactions on Affective Computing 7(2), 2016; F. Eyben, M. Wollmer,
    B. Schuller: openSMILE, ACM Multimedia 2010.

    Examples
    --------
    >>> from img_repr.domains.audio.egemaps import Egemaps
    >>> Egemaps(sample_rate_hz=16000)
    Egemaps(sample_rate_hz=16000)
    """

    def _fit(self) -> None:
        _smile()

    def _columns(self, waves: Iterable[np.ndarray]) -> np.ndarray:
        smile, rate = _smile(), self.sample_rate_hz_
        rows = [smile.process_signal(_long_enough(wave, rate), rate).to_numpy()[0] for wave in waves]
        return np.stack(rows).astype(np.float64)

    def _names(self) -> list[str]:
        return list(_smile().feature_names)


def _smile() -> Any:
    try:
        opensmile = importlib.import_module("opensmile")
    except ImportError:
        raise ParameterError(
            "egemaps: expected the package opensmile, which comes with pip install 'img-repr[opensmile]' under "
            "audEERING's research license (no commercial use, nor of what is extracted with it), got none"
        ) from None
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )


def _long_enough(wave: np.ndarray, rate: int) -> np.ndarray:
    return np.pad(wave, (0, max(0, int(np.ceil(_SHORTEST_S * rate)) - len(wave))))
