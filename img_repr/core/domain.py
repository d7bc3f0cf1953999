"""A domain: one kind of raw sample, by name, with what every test and command must know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from img_repr.core.registry import Registry


@dataclass(frozen=True)
class Domain:
    """One kind of raw sample.

    Parameters
    ----------
    name
        The word that commands and records use, ``"timeseries"`` for example.
    sample
        What one sample is, in words, for messages and listings.
    make_samples
        ``make_samples(n, seed)`` gives ``n`` valid samples made by code; contract tests and examples use it.
    encoder
        Name of the encoder where a command's user names none.
    contenders
        What a benchmark sets against each other when its user names nothing: see ``benchmark.contender``.
    augment
        ``augment(samples, generator)`` draws a variant of each sample of a batch that leaves its label what it is;
        the trainer uses it on training samples.
    augment_images
        ``augment_images(images, generator)`` draws a variant of each image ``(N, C, H, W)`` of a batch, for what can
        be said only of the image: stripes that are covered (SpecAugment). Never a flip or a turn.
    infer_parameters
        ``infer_parameters(samples)`` gives encoder parameters that the defects of these samples call for, and that a
        benchmark
        sets where its user does not: ``missing="interpolate"`` for series with holes.
    near_duplicate_signature
        ``near_duplicate_signature(samples)`` gives numbers by which near copies of samples are found
        (``core.duplicates``): ``(N, D)``,
        compared as they are, rows of unrelated samples about 1 apart; or ``(N, C, T)``, C channels over time, compared
        whatever their offset and scale, and shifted by a few steps too. A sample that tells too little has a row of
        zeros. Without it only exact copies are found.
    """

    name: str
    sample: str
    make_samples: Callable[[int, int], Any]
    encoder: str = ""
    contenders: tuple[str, ...] = ()
    augment: Callable[[Any, Any], Any] | None = None
    augment_images: Callable[[Any, Any], Any] | None = None
    infer_parameters: Callable[[Any], Mapping[str, Any]] | None = None
    near_duplicate_signature: Callable[[Any], np.ndarray] | None = None


DOMAINS: Registry[Domain] = Registry("domain")


def register_domain(domain: Domain) -> Domain:
    """Add a domain to the package and return it, so that a domain writes ``X = register_domain(Domain(...))``."""
    DOMAINS.add(domain.name, domain)
    return domain
