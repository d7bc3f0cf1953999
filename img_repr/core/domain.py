"""A domain: one kind of raw sample, with its defaults and functions."""

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
        Name in commands and records, ``"timeseries"`` for example.
    sample
        Description of one sample, for messages and listings.
    make_samples
        ``make_samples(n, seed)`` returns ``n`` valid synthetic samples, for contract tests and examples.
    encoder
        Default encoder.
    contenders
        Default contenders of a benchmark: see ``benchmark.contender``.
    augment
        ``augment(samples, generator)`` returns a random variant of each sample of a batch, of the same label; the
        trainer applies it to training samples.
    augment_images
        ``augment_images(images, generator)`` returns a random variant of each image ``(N, C, H, W)`` of a batch, for
        augmentations of images only: masked stripes (SpecAugment). Never a flip or a rotation.
    infer_parameters
        ``infer_parameters(samples)`` returns encoder parameters that these samples need, used unless they are set
        explicitly: ``missing="interpolate"`` for series with missing values.
    near_duplicate_signature
        ``near_duplicate_signature(samples)`` returns numbers by which near copies of samples are found
        (``core.duplicates``): ``(N, D)``, compared as they are, with rows of unrelated samples about 1 apart; or
        ``(N, C, T)``, C channels over time, compared without regard to offset, scale and a shift of a few steps. A
        sample with too little information has a row of zeros. Without this function only exact copies are found.
    numbers
        ``numbers(sample)`` returns the raw numbers of one sample as an array, as an exported model takes them.
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
    numbers: Callable[[Any], Any] = np.asarray


DOMAINS: Registry[Domain] = Registry("domain")


def register_domain(domain: Domain) -> Domain:
    """Register a domain and return it: ``X = register_domain(Domain(...))``."""
    DOMAINS.add(domain.name, domain)
    return domain
