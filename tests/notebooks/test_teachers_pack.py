"""The teacher's pack: its table says what the notebooks say and what was measured."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def course_table() -> str:
    """The table as it should stand, from the notebooks' heads and measured.csv."""
    measured = pd.read_csv(ROOT / "notebooks" / "measured.csv").set_index("notebook")
    lines = ["| notebook | question | minutes | needs | exercises | solutions | seconds | peak MB |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text())["cells"]
        head = "".join(cells[0]["source"])
        title = re.search(r"^# (.*)$", head, re.M)[1]
        question = re.search(r"^\*([^*].*)\*$", head, re.M)[1]
        reading, tasks = re.search(r"(\d+) minutes of reading and (\d+) minutes of exercises", head).groups()
        needs = ", ".join(re.findall(r"\((\d\d)_\w+\.ipynb\)", head.split("**Needs:**")[1].split("\n\n")[0])) or "-"
        checks = {c for cell in cells for c in re.findall(r"exercises\.(check_\w+)", "".join(cell["source"]))}
        row = measured.loc[path.stem]
        lines.append(
            f"| [{title}]({path.name}) | {question} | {reading} + {tasks} | {needs} | {len(checks)} | "
            f"[{path.stem[:2]}](solutions/{path.name}) | {row.seconds:.0f} | {row.peak_mb:.0f} |"
        )
    return "\n".join(lines)


def test_the_course_table_is_up_to_date():
    text = (ROOT / "notebooks" / "README.md").read_text()
    between = re.search(r"<!-- table -->\n(.*?)\n?<!-- end of table -->", text, re.S)[1]
    assert between == course_table(), "run `python tests/notebooks/test_teachers_pack.py` to write the table anew"


@pytest.mark.parametrize("words", ["Half a day", "A full day", "The day before", "When you are late", "JupyterHub"])
def test_the_pack_has_what_a_teacher_looks_for(words):
    assert words in (ROOT / "notebooks" / "README.md").read_text()


def test_every_notebook_has_a_row_of_measurements_and_a_note_for_the_teacher():
    measured = pd.read_csv(ROOT / "notebooks" / "measured.csv").notebook
    assert set(measured) == {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        assert "For the teacher" in path.read_text(), path.name


def test_there_are_at_least_24_exercises_and_two_in_each_notebook():
    found = []
    for path in NOTEBOOKS[1:]:
        checks = set(re.findall(r"exercises\.(check_\w+)", path.read_text()))
        assert len(checks) >= 2, path.name
        found += checks
    assert len(found) >= 24 and len(found) == len(set(found))


if __name__ == "__main__":
    pack = ROOT / "notebooks" / "README.md"
    parts = re.split(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", pack.read_text(), flags=re.S)
    pack.write_text(f"{parts[0]}{course_table()}\n{parts[1]}")
