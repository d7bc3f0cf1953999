"""Golden arrays of the tabular features of series: run once, in an environment of its own.

Generated with ``pycatch22`` 0.6.0 (the authors' C code; from 1.0 on it defines many features otherwise; GPL-3, so
it is
asked and never read from here) and ``aeon`` 1.6.0. Nothing of the project is imported, so that the two sides share
no code::

    python tests/golden/make_series_tables.py
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def make_all_kinds(seed: int = 7) -> list[np.ndarray]:
    """Walks, noise, waves, steps, spikes, outliers and a few values only, at lengths from 60 to 241."""
    random = np.random.default_rng(seed)
    series: list[np.ndarray] = []
    for length in (60, 97, 150, 241):
        time = np.arange(length)
        wave = np.sin(2 * np.pi * time / random.uniform(7, 40) + random.uniform(0, 6))
        series += [
            random.normal(size=length).cumsum(),
            random.normal(size=length),
            wave,
            wave + 0.3 * random.normal(size=length),
            np.where(wave > 0, 1.0, -1.0) + 0.05 * random.normal(size=length),
            random.standard_t(2, size=length),
            (random.uniform(size=length) < 0.1) * random.uniform(1, 9, size=length) + 0.01 * random.normal(size=length),
            random.integers(0, 4, size=length).astype(float),
            1e4 + 1e-2 * (time / length) ** 2 + 1e-3 * random.normal(size=length),
            np.exp(-time / length * 4) + 0.02 * random.normal(size=length),
        ]
    return series


def ask_catch22() -> None:
    """Write the 24 numbers of ``pycatch22`` for every series."""
    import pycatch22

    series = make_all_kinds()
    answers = [pycatch22.catch22_all(one.tolist(), catch24=True) for one in series]
    np.savez_compressed(
        FOLDER / "catch24.npz",
        names=np.array(answers[0]["names"]),
        values=np.array([answer["values"] for answer in answers]),
        flat=np.concatenate(series),
        lengths=np.array([len(one) for one in series]),
    )


def ask_minirocket() -> None:
    """Write aeon's biases, channel choices and features, for one channel and for three."""
    from aeon.transformations.collection.convolution_based import MiniRocket

    random = np.random.default_rng(3)
    arrays: dict[str, np.ndarray] = {}
    for name, shape, count in (
        ("one", (12, 1, 61), 840),
        ("many", (8, 3, 40), 840),
        ("short", (6, 1, 11), 84),
    ):
        series = random.normal(size=shape).cumsum(axis=2).astype(np.float32)
        rocket = MiniRocket(n_kernels=count, random_state=5)
        rocket.fit(series)
        channels_per, channels, dilations, per_dilation, biases = rocket.parameters
        arrays |= {
            f"{name}_series": series,
            f"{name}_channels_per": channels_per,
            f"{name}_channels": channels,
            f"{name}_dilations": dilations,
            f"{name}_per_dilation": per_dilation,
            f"{name}_biases": biases,
            f"{name}_features": np.asarray(rocket.transform(series), dtype=np.float32),
        }
    np.savez_compressed(FOLDER / "minirocket.npz", **arrays)


if __name__ == "__main__":
    ask_catch22()
    ask_minirocket()
