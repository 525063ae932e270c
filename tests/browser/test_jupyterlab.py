"""The course as a student meets it: JupyterLab in a real browser, with mouse and keyboard."""

import contextlib
import re
from pathlib import Path

import nbformat
import pytest
from support.lab_pages import wait_for_number, wait_for_text, wait_until_idle

NOTEBOOKS = sorted(path.name for path in (Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
RUNS = 300_000
"""Milliseconds to run a whole notebook on a busy machine."""


def choose(page, menu, entry):
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def press_shift_enter(page, cell):
    """Run a cell; JupyterLab now and then loses a key while it draws: so press again where nothing has begun."""
    number = cell.locator(".jp-InputPrompt").inner_text()
    for _ in range(4):
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(AssertionError):  # of `expect`, when nothing begins
            return wait_for_text(cell, r"\[(\*|\d+)\]", other_than=number, timeout=20_000)
    return pytest.fail(f"a cell that shows {number} did not start")


def wait_until_run(page, cell):
    """Wait until a cell has its number, which it gets when it is done, and the kernel rests."""
    wait_for_number(cell, timeout=RUNS)
    wait_until_idle(page)


def run_first(page):
    """Run the first cell, and wait: JupyterLab now and then loses what a menu asks of a kernel that has just begun."""
    first = page.locator(".jp-Notebook .jp-CodeCell").first
    press_shift_enter(page, first)
    wait_until_run(page, first)


def save(page, path):
    """Press Ctrl+S, wait until the file holds the outputs, and return it."""
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(200):
        if path.stat().st_mtime_ns > before:
            break
        page.wait_for_timeout(100)
    page.wait_for_selector(".jp-mod-current.jp-mod-dirty", state="detached")
    return nbformat.read(path, as_version=4)


def cell_with(page, text):
    """Find the code cell whose source holds a text."""
    cell = page.locator(".jp-Notebook .jp-CodeCell", has=page.locator(".jp-InputArea", has_text=text))
    cell.first.wait_for(state="attached")  # editors out of sight come a little later
    assert cell.count() == 1, f"{cell.count()} cells hold {text}"
    cell.scroll_into_view_if_needed()
    return cell


def answer(page, check, text):
    """Write an answer into an exercise's cell, press Shift+Enter, and return what the check says."""
    cell = cell_with(page, f"wbc.exercises.{check}(answer)")
    number = cell.locator(".jp-InputPrompt").inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(f"answer = {text}\nwbc.exercises.{check}(answer)")
    press_shift_enter(page, cell)
    wait_for_number(cell, other_than=number)
    return cell.locator(".jp-OutputArea-output").inner_text()  # fails when a slider's picture stands there too


def restart_and_run_all(page):
    """Choose the entry of the menu, agree, and wait until the last cell is done.

    A restart, too, is lost now and then: where no cell is done after a while, the entry is chosen once more.
    """
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    run_first(page)
    for _ in range(2):
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Restart Kernel and Run All Cells")).click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        with contextlib.suppress(AssertionError):  # of `expect`, when it is late
            wait_for_text(cells.last, r"\[(\*|\d+)\]", timeout=30_000)
            wait_for_number(cells.first, timeout=90_000)
            break
    wait_until_run(page, cells.last)


def check_run(page, path):
    """Save the notebook; fail unless each cell ran once, in order, without error or warning, and its pictures show."""
    notebook = save(page, path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.output_type == "error" or out.get("name") == "stderr"]
    shown = page.locator(".jp-Notebook .jp-RenderedImage img")
    drawn = sum("image/png" in out.get("data", {}) for out in outputs)
    assert shown.count() == drawn >= 1
    assert all(shown.nth(i).evaluate("e => e.complete && e.naturalWidth > 50") for i in range(drawn))
    controls = [i for i, cell in enumerate(cells) if re.match(r"wbc\.widgets\.(?!predictions_made)", cell.source)]
    seen = page.locator(".jp-Notebook .jp-CodeCell")
    empty = [i for i in controls if not seen.nth(i).locator(".jp-OutputArea .jupyter-widgets").count()]
    assert controls and not empty, f"code cells {empty} show no control"
    assert page.get_by_text("Error displaying widget").count() == page.get_by_text("Loading widget").count() == 0


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_restart_and_run_all_of_every_notebook(open_notebook, jupyterlab, course, copied, name):
    first = name == NOTEBOOKS[0]
    path = course / "notebooks" / name if first else copied(name)
    page = open_notebook(jupyterlab.first_page if first else path)
    page.locator(".jp-MarkdownOutput h1", has_text=f"{name[:2]} · ").wait_for()
    if first:  # the README's command opens it, and the map of the course stands there
        page.locator(".jp-MarkdownOutput table a", has_text="Class imbalance").first.wait_for()
    restart_and_run_all(page)
    if first:
        said = cell_with(page, "environment.check()").locator(".jp-OutputArea-output").inner_text()
        assert said == "Setup: all is well."
    check_run(page, path)


def picture(figure):
    """Return the interactive figure's picture, as the text of its bytes."""
    return figure.locator("img").evaluate("async e => String(new Uint8Array(await (await fetch(e.src)).arrayBuffer()))")


def run_to(page, cell):
    """Run all cells above a cell, then the cell itself, and wait until it is done."""
    run_first(page)
    cell.locator(".cm-content").click()
    choose(page, "Run", "Run All Above Selected Cell")
    press_shift_enter(page, cell)
    wait_until_run(page, cell)


def test_the_board_shows_the_networks_answer_and_an_exercise_answers(open_notebook, copied):
    page = open_notebook(copied("02_domain_shift.ipynb"))
    cell = cell_with(page, "widgets.interactive_laboratory(")
    run_to(page, cell)
    figure = cell.locator(".jp-OutputArea")
    slider = figure.locator(".widget-slider", has_text="stain strength")
    before, value = picture(figure), slider.locator(".widget-readout").inner_text()
    assert len(before) > 1000 and float(value) == 1
    figure.get_by_role("img", name=re.compile(r"distance [\d.]+ of 255. The network's probabilities: EOS")).wait_for()
    slider.get_by_role("slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    figure.get_by_role("img", name="stain strength 1.25").wait_for()  # what a screen reader reads
    assert picture(figure) != before
    light = figure.locator(".widget-slider", has_text="colour of the light")
    light.get_by_role("slider").focus()
    page.keyboard.press("Home")  # as bluish as it gets
    figure.get_by_role("img", name=re.compile(r"probabilities: (?!EOS)\w{3}")).wait_for()
    figure.get_by_role("button", name="Reset the knobs").click()
    figure.get_by_role("img", name="stain strength 1.00").wait_for()
    assert picture(figure) == before
    wrong = answer(page, "check_stain_twice", "30")
    assert wrong.startswith("✗ Not yet.") and "Exercise 1 of 4, 0 solved" in wrong
    assert answer(page, "check_stain_twice", "15").startswith("✓ Right.")


def test_a_prediction_hides_its_answer_and_survives_a_restart(open_notebook, copied):
    page = open_notebook(copied("01_class_imbalance.ipynb"))
    cell = cell_with(page, '"01 draw"')
    run_to(page, cell)
    following = cell_with(page, "per_thousand = 1000")
    assert following.locator(".jp-OutputArea-output").count() == 0, "it was not run"
    control = cell.locator(".jp-OutputArea")
    commit = control.get_by_role("button", name="Commit")
    assert commit.is_disabled()
    control.get_by_text("about 10", exact=True).click()
    commit.click()
    control.get_by_text("run the next cell to see").wait_for()
    press_shift_enter(page, following)
    wait_until_run(page, following)
    assert "MMZ in 1000 images: 0.8" in following.locator(".jp-OutputArea").inner_text()
    before = control.locator(".jp-OutputArea-output").first.element_handle()
    cell.locator(".jp-InputPrompt").click()
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel and Run up to Selected Cell")).click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_function("e => !e.isConnected", arg=before, timeout=RUNS)  # the restarted kernel draws a new one
    wait_until_idle(page)
    control.get_by_text("run the next cell to see").wait_for()
    assert control.locator("input[type=radio]:checked").count() == 1
    assert control.get_by_role("button", name="Commit").is_disabled()


def test_the_quiz_ends_with_both_falls(open_notebook, copied):
    page = open_notebook(copied("00_start_here.ipynb"))
    cell = cell_with(page, "wbc.widgets.quiz()")
    run_to(page, cell)
    control = cell.locator(".jp-OutputArea")
    for number in range(1, 21):
        control.get_by_text(f"Cell {number} of 20,").wait_for()
        control.get_by_role("button", name="monocyte").click()
    control.get_by_text("you: 2 of 10, then 2 of 10").wait_for()
    control.get_by_role("img", name=re.compile("you 2 of 10, then 2 of 10; the network")).wait_for()
