"""The report in a real browser: a field shows its cells, a column sorts, nothing is wider than a phone."""

import json
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.report_pages import cells_of, results

from wbc_tutorial import report
from wbc_tutorial.course import plots
from wbc_tutorial.evaluation import latent


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of made-up results of three methods, two of them in a laboratory with a long and hostile name."""
    folder = tmp_path_factory.mktemp("results")
    unseen = ("chula", "<b>x\"'& a_laboratory_with_a_very_long_name_in_one_word")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(latent, "embed", lambda features, **_: np.asarray(features)[:, :2])
        for name in ("latent_map", "confusion_matrix"):
            patched.setattr(plots, name, lambda *_, **__: Figure())
        report.write(folder, results(folder, runs=3, methods=("erm", "coral", "boda"), unseen=unseen), cells_of(unseen))
    return (folder / "report.html").as_uri()


@pytest.fixture
def opened(chromium, address):
    """Return a function that opens the page, and fails at the end where the browser complained."""
    pages, complaints = [], []

    def open_it(width, height=800, **options):
        page = chromium.new_page(viewport={"width": width, "height": height}, **options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        pages.append(page)
        return page

    yield open_it
    for page in pages:
        page.close()
    assert complaints == []


def test_the_first_screen_holds_both_numbers_and_the_fall(opened):
    page = opened(1200)
    for what in (".headline", "table.fall", "nav"):
        box = page.locator(what).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800, what
    assert len(re.findall(r"0\.\d\d", page.locator(".headline").inner_text())) >= 3


def test_a_click_on_a_field_shows_its_cells_and_the_keyboard_leads_on(opened):
    page = opened(1200)
    table = page.locator("#matrix-unseen0-erm")
    button = table.locator("button.bad").first
    words = button.get_attribute("aria-label")
    button.click()
    box = page.locator(f"#{table.get_attribute('data-shows')}")
    assert box.locator("strong").inner_text() == f"ERM: {words}"
    count = int(re.search(r": (\d+) of", words).group(1))
    pictures = box.locator("img")
    assert 1 <= pictures.count() <= min(count, 12) and button.get_attribute("aria-pressed") == "true"
    assert all(pictures.nth(i).evaluate("e => e.naturalWidth > 0") for i in range(pictures.count()))
    truth, given = re.match(r"(\w+) named (\w+)", words).groups()
    assert re.fullmatch(rf"{truth} named {given}, confidence \.\d\d", pictures.first.get_attribute("alt"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    below = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert below != words and below.split(":")[0].split()[2] == given, "the same column"
    assert box.locator("strong").inner_text() == f"ERM: {below}" and button.get_attribute("aria-pressed") == "false"
    assert table.locator("button[tabindex='0']").count() == 1, "one stop of the tabulator key"


def test_a_click_on_a_column_sorts_inside_each_laboratory(opened):
    page = opened(1200)
    table = page.locator("#tables table.sortable").nth(1)
    heads = table.locator("thead button").all_inner_texts()
    column = heads.index("F1-macro") + 1

    def values():
        groups = table.locator("tbody").all()
        return [[float(text.split()[0]) for text in group.locator(f"tr td:nth-child({column})").all_inner_texts()]
                for group in groups]  # fmt: skip

    before = values()
    assert len(before) == 2 and all(len(each) == 3 for each in before)
    button = table.locator("thead button").nth(column - 1)
    button.click()
    assert values() == [sorted(each, reverse=True) for each in before]
    button.press("Enter")
    assert values() == [sorted(each) for each in before]
    assert table.locator("th[aria-sort]").count() == 1
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(opened, scheme):
    page = opened(390, 844, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_without_script_the_worst_errors_and_all_tables_are_there(chromium, address):
    page = chromium.new_page(java_script_enabled=False)
    page.goto(address)
    assert page.locator("#cells img").count() >= 4 and page.locator("#cells h3").count() == 4
    assert page.locator("button").count() == 0 and page.locator("table.matrix td[data-field]").count() > 50
    assert not page.locator(".script").first.is_visible()
    assert json.loads(page.locator("#cells-data").text_content())["pictures"]
    page.close()


def test_what_is_folded_is_printed(opened):
    page = opened(1200)
    metrics = page.locator("#tables details").first
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert metrics.evaluate("e => e.open")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible() and page.locator("#provenance").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not metrics.evaluate("e => e.open")
