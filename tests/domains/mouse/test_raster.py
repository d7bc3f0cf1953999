"""The raster: next to images by definition, next to the brush, and wherever its machine code may be asked for."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
import torch

from img_repr import encode_trajectory
from img_repr.domains.mouse import raster, strokes, trajectory
from img_repr.domains.mouse.raster import Brush, compiled, lay_strokes, lift_planes
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.trace import LEFT, Trace

LIFT = raster._LIFT.format("float32")


def scribble(random, step, count, sides):
    """Strokes ``(7, M)`` of all widths, some of them points and rings, of all levels."""
    path = np.cumsum(random.normal(scale=step, size=(2, count + 1)), axis=1)
    path += np.array([[sides[1]], [sides[0]]]) / 2.0 - path.mean(axis=1, keepdims=True)
    made = np.concatenate([path[:, :-1], path[:, 1:], random.uniform(1.0, 9.0, (1, count)), np.zeros((1, count))])
    made[2:4, ::5] = made[:2, ::5]
    made[5, ::10] = random.uniform(1.0, 6.0, len(made[5, ::10]))
    return np.concatenate([made, random.uniform(0.2, 1.0, (1, count))])


def by_definition(made, counts, sides):
    """The largest coverage times level, and the sums, of every pixel."""
    v, u = np.ogrid[: sides[0], : sides[1]]
    largest, sums = np.zeros(sides), np.zeros((counts.shape[1], *sides))
    for (u0, v0, u1, v1, width, ring, level), count in zip(made.T, counts, strict=True):
        du, dv = u1 - u0, v1 - v0
        square = du * du + dv * dv
        along = np.clip(((u - u0) * du + (v - v0) * dv) / square, 0.0, 1.0) if square else 0.0
        far = np.abs(np.hypot(u - u0 - along * du, v - v0 - along * dv) - ring)
        cover = np.clip(width / 2 + 0.5 - far, 0.0, 1.0)
        largest = np.maximum(largest, cover * level)
        sums += cover * count[:, None, None]
    return largest, sums


def laid(made, counts, sides, lay):
    groups, blocks = counts.shape[1] // 4, -(-sides[1] // 8)
    touched, scratch = np.zeros((sides[0], blocks), bool), np.zeros(sides[0] * blocks * groups * 40)
    lay(made, counts, 0, made.shape[1], 0, *sides, scratch, touched)
    by_block = scratch.reshape(*touched.shape, groups, 5, 8)
    assert not by_block[~touched].any()
    found = by_block.transpose(2, 3, 0, 1, 4).reshape(groups, 5, sides[0], blocks * 8)[..., : sides[1]]
    assert (found[:, 0] == found[0, 0]).all()
    return found[0, 0], found[:, 1:].reshape(-1, *sides), touched, scratch


@pytest.mark.parametrize(("step", "count"), [(0.05, 100), (0.7, 60), (4.0, 40), (60.0, 20), (2e4, 20), (1e7, 20)])
@pytest.mark.parametrize("sides", [(40, 40), (17, 61), (1, 1), (3, 90), (30, 8)])
@pytest.mark.parametrize("groups", [1, 3])
def test_strokes_are_laid_as_their_definition_has_them(step, count, sides, groups, random):
    made, counts = scribble(random, step, count, sides), random.uniform(size=(count, 4 * groups))
    largest, sums, _, _ = laid(made, counts, sides, compiled(lay_strokes, raster._LAY))
    expected, of_counts = by_definition(made, counts, sides)
    off = 1e-10 * max(1.0, step)  # the reference loses as many digits
    np.testing.assert_allclose(largest, expected, atol=off)
    np.testing.assert_allclose(sums, of_counts, atol=10 * off)


def test_level_upright_and_slanting_lines_are_laid():
    ends = np.array(
        [[2.0, 9.0, 30.0, 9.0], [5.5, 1.0, 5.5, 28.0], [1.0, 3.0, 30.0, 3.0 + 1e-14], [0.0, 0.0, 40.0, 40.0]]
    )
    made = np.concatenate([ends.T, [[1.5] * 4, [0.0] * 4, [1.0] * 4]])
    largest, _, _, _ = laid(made, np.ones((4, 4)), (30, 33), compiled(lay_strokes, raster._LAY))
    np.testing.assert_allclose(largest, by_definition(made, np.ones((4, 4)), (30, 33))[0], atol=1e-10)


def test_compiled_code_equals_python(random):
    sides = (20, 29)
    made, counts = scribble(random, 5.0, 15, sides), random.uniform(0.1, 1.0, (15, 8))
    pages = []
    for lay, lift in ((lay_strokes, lift_planes), (compiled(lay_strokes, raster._LAY), compiled(lift_planes, LIFT))):
        largest, sums, touched, scratch = laid(made, counts, sides, lay)
        expected = np.where(sums[0] > 0.0, largest * sums[1:6] / np.maximum(sums[0], 1e-300), 0.0)
        page = np.zeros((5, sides[0] * sides[1]), np.float32)
        lift(scratch, touched, 2, 0, *sides, page)
        np.testing.assert_allclose(page.reshape(5, *sides), expected, rtol=1e-6)
        assert not touched.any()
        assert not scratch.any()
        pages.append(page)
    np.testing.assert_array_equal(*pages)


@pytest.fixture
def by_brush(monkeypatch):
    """Draw with what devices draw with."""

    def draw(traces, **given):
        with monkeypatch.context() as patch:
            patch.setattr(trajectory, "Raster", Brush)
            return encode_trajectory(traces, **given)

    return draw


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"size": (37, 61), "channels": ("direction", "curvature", "mono", "time_step", "speed")},
        {"size": 224, "field_px": 300.0, "stroke_px": 9.5},
        {"size": 7, "field_px": 2e4, "origin": "screen"},
        {"clock_ms": None, "marks": False, "origin": "start", "dtype": "float64"},
        {"dtype": "float16"},
    ],
    ids=str,
)
def test_images_equal_those_of_brush(given, by_brush):
    clicks = Trace(np.arange(4.0), [0.0, 30.0, 30.0, 90.0], [0.0, 9.0, 9.0, 40.0], [0, LEFT, 0, 0], [0, 0, 2, 0])
    traces = [*make_traces(8), Trace([1.0], [7.0], [8.0]), clicks]
    expected, found = by_brush(traces, **given), encode_trajectory(traces, **given)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=1e-3 if given.get("dtype") == "float16" else 5e-6)


def test_bytes_equal_those_of_brush_up_to_rounding(by_brush):
    traces = make_traces(20)
    off = np.abs(encode_trajectory(traces, dtype="uint8").astype(int) - by_brush(traces, dtype="uint8"))
    assert off.max() <= 1
    assert off.mean() < 1e-4


def test_images_do_not_depend_on_chunk_sizes(monkeypatch, by_brush):
    traces, given = make_traces(7), {"channels": ("direction", "mono", "elapsed")}
    expected = encode_trajectory(traces, **given)
    monkeypatch.setattr(raster, "_BLOCKS", 5)  # a band of one row
    np.testing.assert_array_equal(encode_trajectory(traces, **given), expected)
    monkeypatch.setattr(raster, "_BLOCKS", 8 * 27)
    np.testing.assert_array_equal(encode_trajectory(traces, **given), expected)
    whole = by_brush(traces, **given)
    monkeypatch.setattr(raster, "_PIXELS_AT_ONCE", 64 * 64 * 2)
    np.testing.assert_array_equal(by_brush(traces, **given), whole)
    monkeypatch.setitem(strokes.PIXELS_AT_ONCE, "cpu", 100)
    np.testing.assert_allclose(by_brush(traces, **given), whole, atol=1e-6)
    monkeypatch.setattr(raster, "_MANY_STEPS", 0)
    np.testing.assert_allclose(by_brush(traces, **given), whole, atol=1e-6)


def test_threads_paint_at_once():
    parts = [make_traces(12, seed=seed) for seed in range(6)]
    expected = [encode_trajectory(part) for part in parts]
    with ThreadPoolExecutor(3) as pool:
        for found, one in zip(pool.map(encode_trajectory, parts), expected, strict=True):
            np.testing.assert_array_equal(found, one)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # that it has threads
def test_forked_process_paints():
    traces = make_traces(3)
    expected = encode_trajectory(traces)
    child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(0 if np.array_equal(encode_trajectory(traces), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_machine_code_is_made_where_it_cannot_be_kept(monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")
    scratch, page = np.ones(40), np.zeros((1, 3), np.float32)
    made = compiled.__wrapped__(lift_planes, LIFT)
    assert made.stats.cache_path is None
    made(scratch, np.ones((1, 1), bool), 1, 0, 1, 3, page)
    np.testing.assert_array_equal(page, 1.0)


def test_compiled_code_is_cached_and_rebuilt_if_damaged(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    make = compiled.__wrapped__
    assert sum(make(lift_planes, LIFT).stats.cache_misses.values()) == 1
    assert sum(make(lift_planes, LIFT).stats.cache_hits.values()) == 1
    for file in tmp_path.rglob("*.nb[ic]"):
        file.write_bytes(b"")
    scratch = np.ones(40)
    make(lift_planes, LIFT)(scratch, np.ones((1, 1), bool), 1, 0, 1, 3, np.zeros((1, 3), np.float32))
    assert not scratch.any()


def test_buffers_of_either_precision_are_written_in_place():
    for dtype in (torch.float32, torch.float64):
        out = torch.full((2, 4, 9, 20), 7.0, dtype=dtype, requires_grad=True)
        assert encode_trajectory(make_traces(2), size=(9, 20), out=out) is out
        np.testing.assert_array_equal(out.detach(), encode_trajectory(make_traces(2), size=(9, 20), dtype=dtype))
