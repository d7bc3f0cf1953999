"""Sessions."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.domains.mouse.rows import Rows
from img_repr.domains.mouse.session import session_of


def test_units_zero_and_counts():
    x = np.array([1.0, 2.0, 65535.0, 4.0])
    rows = Rows.of(np.array([29256.0, 29268.0, 29300.0, 30256.0]), x, x)
    session = session_of(rows, unit="ms", path=Path("file"), name="one", user="ada", part="train", broken=1)
    assert [piece.t_s.tolist() for piece in session.pieces] == [[0.0, 0.012], [1.0]]
    assert session.defects == {"broken_row": 1, "sentinel": 1}
    assert (session.name, session.user, session.part, session.genuine) == ("one", "ada", "train", None)


def test_milliseconds_since_1970_stay_exact():
    t = 1_700_000_000_000.0 + np.array([0.0, 9.0, 17.0, 25.0])
    session = session_of(Rows.of(t, t - t, t - t), unit="ms", path=Path("file"), name="one")
    assert session.pieces[0].t_s.tolist() == [0.0, 0.009, 0.017, 0.025]


def test_nothing_to_go_by():
    rows = Rows.of(np.array([np.nan]), np.array([5.0]), np.array([5.0]))
    with pytest.raises(
        DataError, match=r"^file: expected events with a time and a position, got none in 1 rows \(times"
    ):
        session_of(rows, unit="s", path=Path("file"), name="one")
