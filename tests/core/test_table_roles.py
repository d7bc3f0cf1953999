"""Roles of columns: asked for, found by usual names, and said in a note."""

from pathlib import Path

import pytest

from img_repr.core.csv_reader import parse_csv_table
from img_repr.core.errors import DataError
from img_repr.core.table_roles import drop_unlabeled, find_roles


def table(text: str):
    return parse_csv_table(Path("toy.csv"), text)


HOSPITAL = "id,patient,date,diagnosis,t0,t1\n1,p1,2021-01-02,ill,1,2\n2,p1,2021-01-01,well,3,4\n"


def test_usual_names_and_options_become_roles_with_a_description():
    found = table(HOSPITAL)
    roles = find_roles(found, {"label": "diagnosis"}, drop=["t1"])
    assert roles.named == {"label": 3, "group": 1, "time": 2, "id": 0}
    assert roles.describe(found) == "; label: diagnosis; groups: patient; times: date; ids: id; left out: t1"
    known, notes = roles.known(found)
    assert known["labels"].tolist() == ["ill", "well"]
    assert known["names"].tolist() == ["1", "2"]
    assert notes == ()


def test_a_dropped_column_has_no_role():
    assert "time" not in find_roles(table(HOSPITAL), {}, drop="date").named


def test_one_column_has_one_role():
    for asked, drop in (({"label": "patient", "group": 1}, ()), ({"label": "patient"}, "patient")):
        with pytest.raises(DataError, match="expected one role per column, got patient for"):
            find_roles(table(HOSPITAL), asked, drop=drop)


def test_rejects_two_usual_names_unless_one_is_chosen_or_dropped():
    text = "subject,speaker,a\n1,2,3\n"
    with pytest.raises(DataError, match="expected one column of group, got subject and speaker; choose one by group="):
        find_roles(table(text), {})
    assert find_roles(table(text), {"group": "speaker"}).group == 1
    assert find_roles(table(text), {}, drop="subject").group == 1


def test_columns_that_number_the_rows_are_left_out():
    assert find_roles(table(",a,b\n0,1,2\n5,3,4\n"), {}).dropped == {0}
    assert find_roles(table("index,a\n0,5\n1,6\n"), {}).dropped == {0}
    assert find_roles(table("index,a\n3,5\n1,6\n"), {}).dropped == frozenset()


def test_numeric_column_called_part_is_not_a_split():
    assert find_roles(table("part,a\n11,1\n12,2\n13,1\n14,1\n"), {}).split is None
    assert find_roles(table("part,a\ntrain,1\ntest,2\n"), {}).split == 0
    assert find_roles(table("fold,a\n1,1\n2,2\n1,1\n2,1\n"), {}).split == 0


def test_rows_of_unlabeled_samples_are_left_out_and_counted():
    found = table("split,a,label\ntrain,1,x\nunlabeled,2,\ntest,3,y\n")
    kept = drop_unlabeled(found, find_roles(found, {}))
    assert (kept.lines, kept.notes) == ([2, 4], ("left out 1 rows of unlabeled samples: lines 3",))
