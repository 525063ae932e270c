"""The guard of all notebooks: what nbval passes over in silence, such as stripped outputs or missing parts, fails."""

import ast
import base64
import re
import struct

import nbformat
import pytest
from support.places import ROOT

import wbc_tutorial

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))
CHECKED, FOLDED = "nbval-check-output", "hide-output"  # tags of a cell: nbval compares it, the site folds it
WIDGET = "application/vnd.jupyter.widget-view+json"
MACHINE_PATH = re.compile(r"(?<![\w.])(/tmp|/home|/root|/Users|/work|/mnt|/var/folders|/usr/l\w+)/|\b[A-Z]:\\{1,2}\w")
FORBIDDEN = ("NBVAL_", "nbval-skip", "raises-exception", "get_ipython(", "skip-execution")
LINES, COLUMNS = 25, 78  # of a code cell: what JupyterLab and the site show without cutting it off
DOOR = "import wbc_tutorial as wbc"

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_file = pytest.mark.parametrize("path", NOTEBOOKS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}")


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def markdown(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def headings(notebook):
    """(level, text) of every heading; lines inside fenced code are no headings."""
    text = re.sub(r"^```.*?^```", "", markdown(notebook), flags=re.M | re.S)
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(#{1,6}) (.+)$", text, flags=re.M)]


def text_of(cell):
    """Everything a code cell shows as text."""
    parts = [out.get("text", "") or out.get("data", {}).get("text/plain", "") for out in cell.outputs]
    return "\n".join(parts)


def tags(cell):
    return cell.metadata.get("tags", [])


def calls(cell, name):
    """The calls of a library function in a code cell."""
    nodes = ast.walk(ast.parse(cell.source))
    return [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == name]


def has(cell, mime):
    return any(mime in out.get("data", {}) for out in cell.outputs)


@each_file
def test_was_executed_from_top_to_bottom_and_nothing_went_wrong(path):
    notebook = read(path)
    nbformat.validate(notebook)
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run all cells, then save"
    for cell in cells:
        assert not [out for out in cell.outputs if out.output_type == "error"], cell.source
        assert not [out for out in cell.outputs if out.get("name") == "stderr"], f"stderr under:\n{cell.source}"
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata, "widget state is saved: clear it"
    assert path.stat().st_size <= 1_000_000


@each_file
def test_cells_are_short_plain_python(path):
    for cell in code(read(path)):
        lines = cell.source.splitlines()
        assert len(lines) <= LINES, cell.source
        assert not [line for line in lines if len(line) > COLUMNS]
        ast.parse(cell.source)  # a %magic or a !command is no Python
        assert "# fmt:" not in cell.source, "the formatter's own layout fits into the cell"
        text = cell.source + repr(cell.metadata)
        assert not [word for word in FORBIDDEN if word in text], cell.source


@each_file
def test_takes_the_library_through_its_front_door_only(path):
    imports = [
        ast.unparse(node)
        for cell in code(read(path))
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Import | ast.ImportFrom) and "wbc_tutorial" in ast.unparse(node)
    ]
    assert imports == [DOOR]
    assert DOOR in code(read(path))[0].source.splitlines()


@each_file
def test_every_library_name_in_the_text_exists(path):
    """`wbc.name` or `wbc.room.name` in the prose; tests/house looks at the code."""
    for dotted in set(re.findall(r"`wbc((?:\.\w+)+)", markdown(read(path)))):
        value = wbc_tutorial
        for name in dotted[1:].split("."):
            assert hasattr(value, name), f"wbc{dotted}"
            value = getattr(value, name)


@each_file
def test_has_one_title_and_no_skipped_heading(path):
    levels = [level for level, _ in headings(read(path))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), levels


@each_file
def test_every_figure_says_what_it_shows(path):
    notebook = read(path)
    for cell in code(notebook):
        for out in cell.outputs:
            data = out.get("data", {})
            assert "image/jpeg" not in data and "image/svg+xml" not in data, "figures are PNG, through plots.show"
            if "image/png" in data:
                shown = out.metadata.get("image/png", {})
                assert len(shown.get("alt", "").split()) >= 5, f"use plots.show(figure) in:\n{cell.source}"
                dots = struct.unpack(">I", base64.b64decode(data["image/png"])[16:20])[0]
                assert dots // 2 == shown["width"], "200 dots per inch, shown at half their number"
    for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", markdown(notebook)):
        assert len(alt.split()) >= 5 and not target.startswith("http"), (alt, target)
    assert not re.search(r"<img(?![^>]*\balt=)", markdown(notebook))


@each_file
def test_code_in_sight_is_for_students(path):
    """Words for those who do not see a figure stand beside its plot function, and marks for the tests are tags."""
    for cell in code(read(path)):
        for call in calls(cell, "wbc.plots.show"):
            assert "alt" not in {word.arg for word in call.keywords} and len(call.args) == 1, cell.source
        assert not re.search(r"^# ?(noqa|type:|pragma)", cell.source, flags=re.M), cell.source


@each_file
def test_no_formula_that_the_site_cannot_show(path):
    assert r"\Big" not in markdown(read(path)), r"the exponent would stand on the bracket: use \left( and \right)"


@each_file
def test_names_no_machine_and_its_links_resolve(path):
    notebook = read(path)
    shown = [value for cell in code(notebook) for out in cell.outputs for value in _texts(out)]
    for text in [cell.source for cell in notebook.cells] + shown:
        assert not MACHINE_PATH.search(text), MACHINE_PATH.search(text)
    for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", markdown(notebook)):
        if not re.match(r"https?://|mailto:", target):
            assert (path.parent / target).exists(), f"the link to {target} leads nowhere"


def _texts(out):
    yield out.get("text", "")
    yield from (str(value) for mime, value in out.get("data", {}).items() if not mime.startswith("image/"))


@each_notebook
def test_has_the_parts_of_a_lesson(path):
    notebook = read(path)
    text, titles = markdown(notebook), [title for _, title in headings(notebook)]
    first = notebook.cells[0].source
    assert re.match(rf"# {path.stem[:2]} · \S.*\n\n\*[^*]+\?\*", first), "title, then its question in italics"
    goals = re.search(r"\*\*You will be able to\*\*\s+((?:[-*] .+\n?)+)", text)
    assert goals and 3 <= len(re.findall(r"^[-*] ", goals[1], flags=re.M)) <= 5
    assert re.search(r"\*\*Time:\*\* about \d+ minutes of reading and \d+ minutes of exercises\.", text)
    assert "**Needs:**" in text and "For the teacher" in text
    parts = ("Check your understanding", "Exercises", "Key points", "Where this comes from")
    last = [titles.index(part) for part in parts]
    assert last == sorted(last)
    assert any("change it and explain" in title.lower() for title in titles), "an exercise that asks for an experiment"
    questions = text.split("## Check your understanding")[1].split("\n## ")[0]
    assert questions.count("<details><summary>Answer</summary>\n\n") >= 2
    points = text.split("## Key points")[1].split("\n## ")[0]
    assert 3 <= len(re.findall(r"^[-*] ", points.split("<details>")[0], flags=re.M)) <= 6
    assert text.count("<details>") == text.count("</details>") == text.count("\n\n</details>")
    sources = text.split("## Where this comes from")[1].split("\n## ")[0]
    assert 3 <= len(re.findall(r"^[-*] .*\b(?:19|20)\d\d\b", sources, flags=re.M)) <= 6, "with years"


@each_notebook
def test_checks_the_setup_first_and_shows_none_of_another_machine(path):
    first = code(read(path))[0]
    assert first.source.endswith("wbc.environment.check()") and not first.outputs


@each_notebook
def test_a_prediction_stands_before_its_answer_and_hides_it(path):
    cells = code(read(path))
    asked = [bool(calls(cell, "wbc.widgets.prediction")) for cell in cells]
    assert sum(asked) >= 3 and not asked[-1]
    for cell, after, is_question in zip(cells, cells[1:], asked, strict=False):
        hidden = after.metadata.get("jupyter", {}).get("outputs_hidden", False)
        assert hidden == (FOLDED in tags(after)) == is_question, f"hide what a prediction asks for:\n{after.source}"
        if is_question:
            (call,) = calls(cell, "wbc.widgets.prediction")
            key, question, options = map(ast.literal_eval, call.args)
            assert key.startswith(f"{path.stem[:2]} ") and all(text in text_of(cell) for text in (question, *options))
            assert after.outputs, "the answer is shown where somebody asks for it"


@each_notebook
def test_the_eight_cells_and_the_patient_go_through_the_course(path):
    cells = code(read(path))
    assert any(calls(cell, "wbc.course_cells") for cell in cells) and any(calls(cell, "wbc.patient") for cell in cells)


@each_notebook
def test_the_exercises_end_with_what_was_done(path):
    cells = code(read(path))
    assert cells[-1].source.split() == ["wbc.widgets.predictions_made()", "wbc.exercises.progress()"]
    stubs = [cell for cell in cells if "exercises.check_" in cell.source]
    assert len(stubs) >= 2
    assert all("..." in cell.source and "Your turn" in text_of(cell) for cell in stubs)


@each_notebook
def test_compares_at_least_three_outputs(path):
    checked = [cell for cell in code(read(path)) if CHECKED in tags(cell)]
    assert len(checked) >= 3
    for cell in checked:
        assert cell.outputs and not has(cell, "image/png") and not has(cell, WIDGET), cell.source


@each_file
def test_no_widget_of_a_kernel_that_is_gone(path):
    """JupyterLab would show "Error displaying widget"; `run_notebooks.py` leaves the widget's text."""
    assert not [cell.source for cell in code(read(path)) if has(cell, WIDGET)]


@each_notebook
def test_nothing_is_shown_only_by_a_widget(path):
    seen = False
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and re.match(r"## ", cell.source):
            seen = False
        elif cell.cell_type == "code":
            seen = seen or has(cell, "image/png")
            assert seen or "widgets.interactive_" not in cell.source, f"draw it without a widget too:\n{cell.source}"


@each_notebook
def test_every_exercise_has_a_solution_that_is_right(path):
    solution = read(FOLDER / "solutions" / path.name)
    solved = [cell for cell in code(solution) if "exercises.check_" in cell.source]
    for cell in solved:
        assert "Right." in text_of(cell) and "Not yet" not in text_of(cell), cell.source
    checks = [re.findall(r"exercises\.(check_\w+)", cell.source) for cell in code(read(path))]
    assert [re.findall(r"exercises\.(check_\w+)", cell.source) for cell in solved] == [c for c in checks if c]


def test_every_solution_has_its_notebook():
    assert {path.name for path in SOLUTIONS} == {path.name for path in NOTEBOOKS}


def test_there_are_fifty_exercises_or_more():
    checks = [re.findall(r"exercises\.check_\w+", cell.source) for path in NOTEBOOKS for cell in code(read(path))]
    assert sum(map(len, checks)) >= 50
