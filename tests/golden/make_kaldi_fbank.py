"""Write ``kaldi_fbank.npz`` with torchaudio, if there is one: ``python tests/golden/make_kaldi_fbank.py``."""

from pathlib import Path

import numpy as np
import torch


def main() -> None:
    """Write the log energies of half a second."""
    from torchaudio.compliance.kaldi import fbank

    wave = np.random.default_rng(0).normal(size=8000) * np.exp(-np.arange(8000) / 2500) * 0.2
    wave = wave.astype(np.float32)
    bands = fbank(
        torch.from_numpy(wave)[None],
        num_mel_bins=128,
        window_type="hanning",
        dither=0.0,
        htk_compat=True,
        use_energy=False,
        sample_frequency=16_000,
    )
    np.savez_compressed(Path(__file__).with_name("kaldi_fbank.npz"), wave=wave, bands=bands.numpy()[::4])


if __name__ == "__main__":
    main()
