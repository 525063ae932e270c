"""The teacher's pack: its table says what the notebooks say and what was measured, and its schedules fit."""

import re

import pandas as pd
import pytest
from measure_notebooks import course_table
from support.places import NOTEBOOKS as FOLDER

NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.ipynb"))
PACK = FOLDER / "README.md"


def test_the_course_table_is_up_to_date():
    between = re.search(r"<!-- table -->\n(.*?)\n?<!-- end of table -->", PACK.read_text(encoding="utf-8"), re.S)[1]
    assert between == course_table(), "run `python tests/measure_notebooks.py --table`"


def clock(text):
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def schedules():
    """Name -> rows (start in minutes, minutes, what to do) of each timetable in the pack."""
    text = PACK.read_text(encoding="utf-8").split("## Schedules")[1].split("\n## ")[0]
    for part in re.split(r"^(?=\*\*)", text, flags=re.M)[1:]:
        rows = re.findall(r"^\| (\d:\d\d) \| (\d+|-) \| (.*) \|$", part, flags=re.M)
        yield re.match(r"\*\*(.+?)\*\*", part)[1], [(clock(at), minutes, what) for at, minutes, what in rows]


@pytest.mark.parametrize(("name", "rows"), list(schedules()), ids=lambda value: value if isinstance(value, str) else "")
def test_the_minutes_of_a_schedule_add_up_to_its_clock(name, rows):
    assert len(rows) >= 5 and rows[0][0] == 0 and rows[-1][1:] == ("-", "end")
    for (start, minutes, what), (end, _, _) in zip(rows, rows[1:], strict=False):
        assert start + int(minutes) == end, f"{name}: {what}"


def stated():
    """Notebook -> (minutes of reading, minutes of exercises) as its own head states them."""
    for path in NOTEBOOKS:
        found = re.search(r"(\d+) minutes of reading and (\d+) minutes of exercises", path.read_text(encoding="utf-8"))
        yield path.stem[:2], tuple(map(int, found.groups()))


@pytest.mark.parametrize(("name", "rows"), list(schedules()), ids=lambda value: value if isinstance(value, str) else "")
def test_each_part_of_a_schedule_has_the_minutes_that_its_notebook_states(name, rows):
    """A row names a notebook and what is done of it: all, the reading alone, or only the sections it lists."""
    minutes_of = dict(stated())
    for _, minutes, what in rows:
        if found := re.match(r"(\d\d) (all|reading)\b", what):
            reading, exercises = minutes_of[found[1]]
            needed = reading + exercises if found[2] == "all" else reading
            assert int(minutes) >= needed, f"{name}: {what} needs {needed} minutes"
        else:
            assert re.match(r"(\d\d) only: |break|lunch|welcome|end|what next", what), what


def test_every_notebook_has_a_row_of_measurements_and_a_note_for_the_teacher():
    measured = pd.read_csv(FOLDER / "measured.csv").notebook
    assert set(measured) == {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        assert "For the teacher" in path.read_text(encoding="utf-8"), path.name


def test_there_are_at_least_24_exercises_and_two_in_each_notebook():
    found = []
    for path in NOTEBOOKS[1:]:
        checks = set(re.findall(r"exercises\.(check_\w+)", path.read_text(encoding="utf-8")))
        assert len(checks) >= 2, path.name
        found += checks
    assert len(found) >= 24 and len(found) == len(set(found))
