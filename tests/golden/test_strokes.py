"""Strokes next to a rasteriser that samples areas: 16 x 16 points in every pixel, distance to every segment."""

import numpy as np
import pytest
import torch

from img_repr.domains.mouse.strokes import PIXELS_AT_ONCE, StrokePixels, Strokes, clip


def drawn(ends: np.ndarray, width: np.ndarray | float, sides: tuple[int, int], ring: float = 0.0) -> np.ndarray:
    """Coverage ``sides`` of strokes ``(M, 4)`` of u0, v0, u1, v1, as the kernel has it."""
    widths = torch.from_numpy(np.full(len(ends), width, dtype=float))
    rings = torch.full_like(widths, ring) if ring else None
    pil_image = torch.zeros(len(ends), dtype=torch.int64)
    strokes = Strokes(pil_image, *torch.from_numpy(ends).double().T, widths, rings)
    inside, _, _ = clip(strokes, *sides, strokes.reach)
    image = torch.zeros(sides[0] * sides[1])
    for touches in StrokePixels(inside, *sides).touched():
        assert len(touches.stroke) == len(touches.pixel)
        image.scatter_reduce_(0, touches.pixel, touches.coverage, "amax")
    return image.view(sides).numpy()


def distances(ends: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Distance of points to the nearest of the segments."""
    least = np.full(np.broadcast_shapes(u.shape, v.shape), np.inf)
    for u0, v0, u1, v1 in ends:
        du, dv = u1 - u0, v1 - v0
        square = du * du + dv * dv
        along = np.clip(((u - u0) * du + (v - v0) * dv) / square, 0.0, 1.0) if square else 0.0
        least = np.minimum(least, np.hypot(u - u0 - along * du, v - v0 - along * dv))
    return least


def by_distance(ends: np.ndarray, width: float, sides: tuple[int, int]) -> np.ndarray:
    """Coverage by its definition, in float64, of all pixels and segments."""
    v, u = np.ogrid[: sides[0], : sides[1]]
    return np.clip(width / 2 + 0.5 - distances(ends, u.astype(float), v.astype(float)), 0.0, 1.0)


def by_area(ends: np.ndarray, width: float, sides: tuple[int, int]) -> np.ndarray:
    """Share of each pixel's area within half a width of a segment."""
    fine = (np.arange(16 * max(sides)) + 0.5) / 16 - 0.5
    inside = distances(ends, fine[None, : 16 * sides[1]], fine[: 16 * sides[0], None]) <= width / 2
    return inside.reshape(sides[0], 16, sides[1], 16).mean(axis=(1, 3))


def scribble(seed: int, step: float, count: int, sides: tuple[int, int]) -> np.ndarray:
    random = np.random.default_rng(seed)
    path = np.cumsum(random.normal(scale=step, size=(count + 1, 2)), axis=0)
    path = path - path.mean(axis=0) + (sides[1] / 2 - 0.5, sides[0] / 2 - 0.5)
    return np.concatenate([path[:-1], path[1:]], axis=1)


@pytest.mark.parametrize("width", [1.0, 1.5, 2.0, 3.0, 7.5])
@pytest.mark.parametrize(("step", "count"), [(0.05, 200), (0.7, 120), (4.0, 40), (60.0, 12), (2e4, 12), (1e7, 6)])
@pytest.mark.parametrize("sides", [(40, 40), (17, 61), (1, 1), (3, 90)])
def test_coverage_is_the_distance_to_the_path(width, step, count, sides):
    ends = scribble(int(width * 10), step, count, sides)
    np.testing.assert_allclose(drawn(ends, width, sides), by_distance(ends, width, sides), atol=1e-5)


@pytest.mark.parametrize(("width", "most"), [(1.0, 0.15), (1.5, 0.11), (3.0, 0.11)])
def test_coverage_is_near_the_area(width, most):
    """A ramp over one pixel is not quite the area that a slanting edge cuts off, least so under a thin line."""
    off, ink = [], []
    for angle in np.linspace(0.0, np.pi, 37):
        way = np.array([np.cos(angle), np.sin(angle)]) * 8.3
        middle = np.array([15.2, 14.7])
        ends = np.concatenate([middle - way, middle + way])[None]
        ours, area = drawn(ends, width, (30, 30)), by_area(ends, width, (30, 30))
        off.append(np.abs(ours - area)[(ours > 0) | (area > 0)])
        ink.append(ours.sum() / area.sum())
    assert np.concatenate(off).max() < most
    assert np.concatenate(off).mean() < 0.03
    np.testing.assert_allclose(ink, 1.0, atol=0.12)  # the width of a pixel on the very diagonal; else 0.02


def test_scribbles_are_near_their_area():
    ends = scribble(5, 3.0, 30, (40, 40))
    off = np.abs(drawn(ends, 1.5, (40, 40)) - by_area(ends, 1.5, (40, 40)))
    assert off.max() < 0.35  # in a sharp turn the union of two edges is more than the larger of them
    assert off.mean() < 0.02


def test_rings_are_the_distance_to_a_circle():
    v, u = np.mgrid[:30, :30]
    expected = np.clip(0.75 + 0.5 - np.abs(np.hypot(u - 13.3, v - 15.9) - 6.2), 0.0, 1.0)
    point = np.array([[13.3, 15.9, 13.3, 15.9]])
    np.testing.assert_allclose(drawn(point, 1.5, (30, 30), ring=6.2), expected, atol=1e-5)


@pytest.mark.parametrize("sides", [(40, 40), (17, 61)])
def test_strokes_of_all_widths_are_drawn_together(sides):
    ends, widths = scribble(4, 5.0, 60, sides), np.resize([1.0, 1.5, 3.0, 9.0], 60)
    apart = [by_distance(ends[widths == one], one, sides) for one in np.unique(widths)]
    np.testing.assert_allclose(drawn(ends, widths, sides), np.max(apart, axis=0), atol=1e-5)


def test_many_strokes_at_once_are_as_one_by_one(monkeypatch):
    ends = scribble(3, 6.0, 60, (50, 50))
    whole = drawn(ends, 1.5, (50, 50))
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 7)
    np.testing.assert_array_equal(drawn(ends, 1.5, (50, 50)), whole)
    alone = np.max([drawn(one[None], 1.5, (50, 50)) for one in ends], axis=0)
    np.testing.assert_allclose(whole, alone, atol=1e-6)


def test_clipping_keeps_the_line_and_returns_its_fraction():
    ends = torch.tensor([[-1e6, 4.0, 1e6, 4.0], [2.0, 2.0, 2.0, 2.0], [30.0, 0.0, 30.0, 9.0], [0.0, 0.0, 9.0, 19.0]])
    strokes = Strokes(torch.arange(4), *ends.double().T, torch.ones(4).double())
    inside, which, share = clip(strokes, 10, 10, 0.0)
    assert which.tolist() == [0, 1, 3]
    np.testing.assert_allclose(share, [10 / 2e6, 1.0, 0.5], rtol=1e-9)
    np.testing.assert_allclose(inside.u0, [-0.5, 2.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(inside.u1, [9.5, 2.0, 4.5], atol=1e-9)
    np.testing.assert_allclose(inside.v1, [4.0, 2.0, 9.5], atol=1e-9)
