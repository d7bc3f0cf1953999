"""The 39 features of Antal and Egyed-Zsigmond against their definitions, step after step in plain Python."""

import math

import numpy as np

from img_repr.domains.mouse.features import KinematicFeatures
from img_repr.domains.mouse.trace import LEFT, Trace


def four(name, values):
    values = values or [0.0]
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in values) / len(values))
    return {
        f"{name}_mean": mean,
        f"{name}_deviation": deviation,
        f"{name}_max": max(values),
        f"{name}_min": min(values),
    }


def published(trace):
    """The 39 features by their definitions, one step after another; times are distinct whole milliseconds."""
    t, x, y = trace.t_s.tolist(), trace.x_px.tolist(), trace.y_px.tolist()
    steps = [(t[i] - t[i - 1], x[i] - x[i - 1], y[i] - y[i - 1]) for i in range(1, len(t))]
    speed = [math.hypot(dx, dy) / dt for dt, dx, dy in steps]
    acceleration = [(speed[i] - speed[i - 1]) / steps[i][0] for i in range(1, len(steps))]
    jerk = [(acceleration[i] - acceleration[i - 1]) / steps[i + 1][0] for i in range(1, len(acceleration))]
    angles, curvature, omega, last, ended = [], [], [], None, 0.0
    for i, (_, dx, dy) in enumerate(steps):
        if dx == dy == 0:
            continue
        angles.append(math.atan2(dy, dx))
        if last is not None:
            turn = math.remainder(angles[-1] - last, 2 * math.pi)
            turn = abs(turn) if abs(turn) > math.pi - 1e-9 else turn
            curvature.append(turn / math.hypot(dx, dy))
            omega.append(turn / (t[i + 1] - ended))
        last, ended = angles[-1], t[i + 1]
    length = math.fsum(math.hypot(dx, dy) for _, dx, dy in steps)
    ends = math.hypot(x[-1] - x[0], y[-1] - y[0])
    rising = 0.0
    for i, (dt, _, _) in enumerate(steps):
        if speed[i] <= (speed[i - 1] * (1 + 1e-9) if i else 0.0):
            break
        rising += dt
    dragged = any(trace.buttons[i - 1] and steps[i - 1][1:] != (0, 0) for i in range(1, len(t)))
    aside = [abs((x[-1] - x[0]) * (b - y[0]) - (y[-1] - y[0]) * (a - x[0])) / ends for a, b in zip(x, y, strict=True)]
    return {
        "action": 2 if dragged else 1 if trace.buttons.any() else 0,
        "length_px": length,
        "elapsed_s": t[-1] - t[0],
        "direction": int(math.atan2(y[-1] - y[0], x[-1] - x[0]) % (2 * math.pi) // (math.pi / 4)),
        "straightness": ends / length,
        "points": len(t),
        "angles_sum": math.fsum(angles),
        **four("curvature", curvature),
        **four("angular_velocity", omega),
        "largest_deviation_px": max(aside),
        "ends_px": ends,
        "critical_points": sum(abs(one) < 0.0005 for one in curvature),
        **four("speed_x", [dx / dt for dt, dx, _ in steps]),
        **four("speed_y", [dy / dt for dt, _, dy in steps]),
        **four("speed", speed),
        **four("acceleration", acceleration),
        **four("jerk", jerk),
        "acceleration_s": rising,
    }


def wandering(seed):
    """A walk of pixels with rests, whole milliseconds and a button held now and then."""
    random = np.random.default_rng(seed)
    count = int(random.integers(6, 90))
    time = 3.0 + np.cumsum(random.integers(1, 120, count)) / 1000
    x, y = random.choice([-7, -1, 0, 0, 2, 9], (2, count)).cumsum(axis=1).astype(float)
    x[-1] += 40.0
    held = np.repeat(random.choice([0, 0, 0, LEFT], -(-count // 5)), 5)[:count] * (seed % 3 > 0)
    x[-2], y[-2] = x[-1], y[-1]
    held[-2:] = (LEFT, 0) if seed % 3 == 1 else held[-2:]
    return Trace(time, x, y, held)


def test_the_39_are_those_of_the_definitions() -> None:
    traces = [wandering(seed) for seed in range(40)]
    kinematic = KinematicFeatures(sets=("antal",), clock_ms=None).fit(traces)
    found = dict(zip(kinematic.get_feature_names_out(), kinematic.transform(traces).T, strict=True))
    expected = [published(one) for one in traces]
    assert list(found) == list(expected[0])
    assert len(found) == 39
    assert set(found["action"]) == {0, 1, 2}
    for name, column in found.items():
        np.testing.assert_allclose(column, [one[name] for one in expected], rtol=1e-7, atol=1e-7, err_msg=name)
