"""Defects, session by session."""

from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.domains.mouse.defect_report import describe_defects

HEAD = "record timestamp,client timestamp,button,state,x,y\n"


def test_each_session_of_a_folder(tmp_path: Path):
    for name, rows in {"session_1": "0,0,No,Move,1,1\n0,0,No,Move,1,1\n", "session_2": "0,0,No,Move,1,1\n"}.items():
        (tmp_path / "training_files" / "user7").mkdir(parents=True, exist_ok=True)
        (tmp_path / "training_files" / "user7" / name).write_text(HEAD + rows + "1,1,No,Move,65535,65535\n")
    found = describe_defects(tmp_path)
    assert [(one.session, one.rule, one.count) for one in found] == [
        ("user7/session_1", "sentinel", 1),
        ("user7/session_1", "duplicate", 1),
        ("user7/session_2", "sentinel", 1),
    ]
    assert "the session cut there" in found[0].says
    assert describe_defects(tmp_path, users="7") == found


def test_nothing_of_the_kind(tmp_path: Path):
    with pytest.raises(DataError, match="expected files of pointers that a loader recognizes, got none that fits"):
        describe_defects(tmp_path)


@pytest.mark.data
def test_the_real_sets(data_folder: Path):
    found = describe_defects(data_folder / "balabit" / "training_files", users="12")
    assert {one.rule for one in found} >= {"sentinel", "scroll_at_origin", "equal_time"}
    assert len({one.session for one in found}) == 7
