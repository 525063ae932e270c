"""The course as a student meets it: JupyterLab in a real browser, with mouse and keyboard."""

import re

import nbformat
import pytest

LOADS, RUNS = 120_000, 600_000  # milliseconds: to load a page, to run a whole notebook on a busy machine


@pytest.fixture
def open_notebook(chromium):
    """Return a function that opens a notebook of the copied course and waits for its kernel."""
    pages = []

    def open_it(address):
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        pages.append(page)
        page.set_default_timeout(LOADS)
        page.goto(address)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content")
        wait_until_idle(page)
        return page

    yield open_it
    for page in pages:
        page.close()


def wait_until_idle(page, timeout=LOADS):
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', state="attached", timeout=timeout)


def choose(page, menu, entry):
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def wait_until_run(page, cell):
    """Wait until a cell has its number, which it gets when it is done, and the kernel rests."""
    prompt = cell.locator(".jp-InputPrompt").element_handle()
    page.wait_for_function(r"e => /\[\d+\]/.test(e.textContent)", arg=prompt, timeout=RUNS)
    wait_until_idle(page)


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
    page.keyboard.press("Shift+Enter")
    prompt = cell.locator(".jp-InputPrompt").element_handle()
    page.wait_for_function(
        r"([e, old]) => /\[\d+\]/.test(e.textContent) && e.textContent.trim() !== old.trim()", arg=[prompt, number]
    )
    return cell.locator(".jp-OutputArea-output").inner_text()  # fails when a slider's picture stands there too


def test_the_readmes_command_opens_notebook_00_and_it_runs_to_its_end(open_notebook, jupyterlab, course):
    page = open_notebook(jupyterlab.first_page)
    page.locator(".jp-MarkdownOutput h1", has_text="00 · Start here").wait_for()
    page.locator(".jp-MarkdownOutput table a", has_text="Class imbalance").first.wait_for()  # the map of the course
    choose(page, "Run", "Run All Cells")
    wait_until_run(page, page.locator(".jp-Notebook .jp-CodeCell").last)
    assert cell_with(page, "environment.check()").locator(".jp-OutputArea-output").inner_text() == "Setup: all is well."
    notebook = save(page, course / "notebooks/00_start_here.ipynb")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.output_type == "error" or out.get("name") == "stderr"]
    drawn = sum("image/png" in out.get("data", {}) for out in outputs)
    pictures = page.locator(".jp-RenderedImage img")
    assert pictures.count() == drawn >= 5
    assert all(pictures.nth(i).evaluate("e => e.complete && e.naturalWidth > 50") for i in range(drawn))


def picture(figure):
    """Return the interactive figure's picture, as the text of its bytes."""
    return figure.locator("img").evaluate("async e => String(new Uint8Array(await (await fetch(e.src)).arrayBuffer()))")


def test_a_slider_changes_the_picture_and_an_exercise_answers(open_notebook, jupyterlab):
    page = open_notebook(f"{jupyterlab.url}/lab/tree/02_domain_shift.ipynb")
    cell = cell_with(page, "widgets.interactive_laboratory(")
    cell.locator(".cm-content").click()
    choose(page, "Run", "Run All Above Selected Cell")
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    wait_until_run(page, cell)
    figure = cell.locator(".jp-OutputArea")
    slider = figure.locator(".widget-slider", has_text="stain strength")
    before, value = picture(figure), slider.locator(".widget-readout").inner_text()
    assert len(before) > 1000 and float(value) == 1
    slider.get_by_role("slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    figure.get_by_role("img", name="stain strength 1.50").wait_for()  # what a screen reader reads
    assert float(slider.locator(".widget-readout").inner_text()) == pytest.approx(1.5)
    assert picture(figure) != before
    wrong = answer(page, "check_stain_twice", "30")
    assert re.match(r"✗ Not yet\. \S", wrong) and "Replace the ..." not in wrong
    assert answer(page, "check_stain_twice", "15").startswith("✓ Right.")
