"""Notebook 07's plane of points in a real JupyterLab: the mouse and the arrow keys move a point, Python answers."""

import re

import nbformat
import pytest
from support.lab_pages import wait_for_number

SOURCE = """import numpy as np
import wbc_tutorial as wbc
points = np.array([(0.0, 1.0), (2.0, 0.0), (1.0, 1.0), (3.0, 2.0)])
plane = wbc.widgets.interactive_points(points, [0, 1, 0, 1], [0, 0, 1, 1], ("eosinophil", "monocyte"))
plane"""


def run_all(page):
    """Run all cells, once the kernel is there: asked too early, JupyterLab wants to know which kernel is meant."""
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


@pytest.fixture
def page(open_notebook, course, request):
    cells = [nbformat.v4.new_code_cell(SOURCE), nbformat.v4.new_code_cell("print(plane.points.tolist())")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata.language_info = {"name": "python"}
    path = course / "notebooks" / f"{request.node.name}.ipynb"  # each test its own file, and so its own kernel
    nbformat.write(notebook, path)
    page = open_notebook(path)
    run_all(page)
    page.locator("svg.wbc-plane").wait_for()
    return page


def place(page, image):
    """Return where a point is, as its own label says."""
    label = page.locator(f'[data-image="{image}"]').get_attribute("aria-label")
    return tuple(map(float, re.search(r"at (-?[\d.]+) and (-?[\d.]+);", label).groups()))


def wait_until(page, true, tries=600):
    """Wait until a condition holds: the kernel answers in its own time."""
    for _ in range(tries):
        if true():
            return
        page.wait_for_timeout(100)
    pytest.fail("nothing moved within a minute")


def slider(page, name):
    return page.locator(".widget-slider", has=page.locator("label", has_text=re.compile(rf"^{name}$")))


def readouts(page):
    return tuple(float(slider(page, name).locator(".widget-readout").inner_text()) for name in "xy")


def drag(page, image, across, down):
    """Drag a point with the mouse, by pixels of the page, in steps as a hand does."""
    box = page.locator(f'[data-image="{image}"] circle, [data-image="{image}"] rect').first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(1, 9):
        page.mouse.move(x + across * k / 8, y + down * k / 8)
        page.wait_for_timeout(30)
    page.mouse.up()


def test_the_mouse_and_the_arrow_keys_move_a_point_and_python_answers(page):
    drawing = page.locator("svg.wbc-plane")
    before = drawing.get_attribute("aria-label")
    assert place(page, 3) == (3, 2)
    drag(page, 3, 120, -60)
    wait_until(page, lambda: place(page, 3)[0] > 4 and place(page, 3)[1] > 2.5)
    wait_until(page, lambda: readouts(page) == pytest.approx(place(page, 3), abs=0.011))
    assert drawing.get_attribute("aria-label") != before
    x, y = place(page, 3)
    assert "Shares of the softmax of image 3" in drawing.get_attribute("aria-label")
    page.locator('[data-image="3"]').focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    wait_until(page, lambda: place(page, 3) == pytest.approx((x - 0.3, y), abs=0.011))
    second = page.locator(".jp-Notebook .jp-CodeCell").nth(1)
    before = second.locator(".jp-InputPrompt").inner_text()
    second.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    wait_for_number(second, other_than=before)
    said = page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".jp-OutputArea-output").inner_text()
    assert f"{place(page, 3)[0]:.2f}".rstrip("0") in said  # the kernel knows where the hand has put it


def test_a_slider_still_moves_the_point_and_nu_is_grey_where_it_does_nothing(page):
    nu = slider(page, "nu")
    assert nu.locator("[disabled]").count()
    page.locator(".widget-dropdown", has_text="rule").locator("select").select_option("balanced and calibrated")
    page.locator("svg.wbc-plane[aria-label*='nu 0.5']").wait_for()
    assert not nu.locator("[disabled]").count()
    slider(page, "x").get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, lambda: place(page, 0) == pytest.approx((0.1, 1.0)))
