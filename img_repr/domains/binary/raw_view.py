"""Binaries for explanations: plotted as a strip of bytes with the sections, masked with zeros."""

from typing import Any

import numpy as np

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.raw_view import WEIGHT_COLORS, RawView, register_raw_view
from img_repr.domains.binary.back_projection import one_binary
from img_repr.domains.binary.sample import BINARY
from img_repr.domains.binary.sections import sections_of

_BINS = 512  # of the strip
_ROW = 8  # bytes of a row of the hex view
_RANGES = 4  # rows of the hex view
_CALLER = "raw view"


def _axes(sample: Any, encoder: AbstractEncoder) -> dict[str, np.ndarray]:
    return {"byte": np.arange(len(one_binary(sample, _CALLER)))}


def hex_rows(content: np.ndarray, weights: np.ndarray) -> list[str]:
    """Return the rows of 8 bytes with the largest weight in hex, the strongest first, with offset and text.

    Examples
    --------
    >>> import numpy as np
    >>> hex_rows(np.frombuffer(b"abcdefgh12345678", np.uint8), np.repeat([0.1, 0.9], 8))[0]
    '00000008  31 32 33 34 35 36 37 38  12345678'
    """
    starts = np.arange(0, len(content), _ROW)
    strongest = starts[np.argsort(-np.add.reduceat(weights, starts), kind="stable")[:_RANGES]]
    rows = []
    for start in strongest:
        part = bytes(content[start : start + _ROW])
        text = "".join(chr(one) if 32 <= one < 127 else "." for one in part)
        rows.append(f"{start:08x}  {part.hex(' '):<{3 * _ROW - 1}}  {text}")
    return rows


def _plot(axes: Any, sample: Any, encoder: AbstractEncoder, weights: np.ndarray | None) -> None:
    content = np.asarray(one_binary(sample, _CALLER).read())
    count = len(content)
    edges = np.unique(np.linspace(0, count, min(_BINS, count) + 1).astype(int))
    levels = np.add.reduceat(content.astype(np.float64), edges[:-1]) / np.diff(edges)
    axes.pcolormesh(edges, [0.0, 0.45], levels[None], cmap="gray", vmin=0, vmax=255, rasterized=True)
    label = "offset (bytes)"
    if weights is not None:
        heat = np.maximum.reduceat(weights, edges[:-1])
        axes.pcolormesh(edges, [0.5, 1.0], heat[None], cmap=WEIGHT_COLORS, vmin=0, vmax=1, rasterized=True)
        label = "\n".join([label, "", "strongest bytes", *hex_rows(content, weights)])
    shown: list[Any] = []
    for section in sections_of(sample):
        if section.name and section.length > 0:
            axes.axvline(section.offset, color="0.3", linewidth=0.6)
            if not shown or section.offset - shown[-1].offset > count * 0.06:  # names do not overlap
                shown.append(section)
    if shown:
        top = axes.secondary_xaxis("top")
        top.set_xticks([one.offset for one in shown], [one.name for one in shown], parse_math=False)
        top.tick_params(labelrotation=35, labelsize=7)
        for text in top.get_xticklabels():
            text.set(ha="left", rotation_mode="anchor")
    axes.set_yticks([0.22] if weights is None else [0.22, 0.75], ["bytes"] if weights is None else ["bytes", "weight"])
    axes.set_ylim(0.0, 0.45 if weights is None else 1.0)
    axes.set_xlabel(label, loc="left", family="monospace", fontsize=7)


def _mask(sample: Any, encoder: AbstractEncoder, masked: np.ndarray) -> bytes:
    content = np.array(one_binary(sample, _CALLER).read())
    content[masked] = 0
    return content.tobytes()


register_raw_view(RawView(BINARY, _axes, _plot, _mask))
