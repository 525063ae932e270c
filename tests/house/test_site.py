"""The static pages, built from the notebooks as committed: complete, linked, described, and whole without a network."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from packaging.version import Version
from PIL import Image
from support.places import ROOT

import wbc_tutorial

SCRIPT = ROOT / "docs" / "build_site.py"
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted((ROOT / "notebooks/solutions").glob("*.ipynb"))
BOOK = ("sphinx", "myst_nb", "sphinx_book_theme", "latex2mathml", "sphinx_copybutton", "sphinx_design")
LOADS = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}
NOT_LOADED = {"canonical", "next", "prev", "index", "search"}  # <link rel=...> that only says where something is


class Page(HTMLParser):
    """What a page shows and asks for."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.images, self.ids, self.levels, self.tags = [], [], [], set(), [], []
        self.inside = False  # of the article; the theme puts a second title before it, for printing only
        self.feed(path.read_text(encoding="utf-8"))

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "article"

    def handle_starttag(self, tag, pairs):
        values = dict(pairs)
        self.tags.append(tag)
        self.ids.add(values.get("id"))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "img":
            self.images.append(values)
        self.inside = self.inside or tag == "article"
        if self.inside and len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.levels.append(int(tag[1]))
        if tag != "link" or values.get("rel") not in NOT_LOADED:
            self.loads += [values[name] for of, name in LOADS if of == tag and values.get(name)]


def build(out, *options, **environment):
    clean = {key: value for key, value in os.environ.items() if key != "GITHUB_REPOSITORY"}
    command = [sys.executable, str(SCRIPT), "--out", str(out), *options]
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    missing = [name for name in BOOK if importlib.util.find_spec(name) is None]
    if missing:
        give_up = pytest.fail if os.environ.get("WBC_TUTORIAL_SKIP_NOTHING") else pytest.skip
        give_up(f'{", ".join(missing)} not installed; cure: python -m pip install -e ".[book]"')
    out = tmp_path_factory.mktemp("site") / "site"
    result = build(out)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"open {out / 'index.html'}" in result.stdout
    return {path: Page(path) for path in sorted(out.rglob("*.html")) if "_static" not in path.parts}


def root_of(site):
    return next(path.parent for path in site if path.name == "index.html")


def test_every_notebook_has_a_page_that_the_first_page_links_to(site):
    out = root_of(site)
    expected = {path.relative_to(ROOT / "notebooks").with_suffix(".html") for path in NOTEBOOKS}
    made = {path.relative_to(out) for path in site}
    assert expected <= made and Path("for_teachers.html") in made
    linked = {Path(link) for link in site[out / "index.html"].links}
    assert expected <= linked
    documents = {Path(path.name).with_suffix(".html") for path in DOCUMENTS}
    assert documents and documents <= made and documents <= linked, "pages of docs/, in the sidebar"


def test_the_teachers_pages_are_offered(site):
    out = root_of(site)
    offered = {link for link in site[out / "to_project_and_print.html"].links if link.startswith("teach/")}
    made = {path.relative_to(out).as_posix() for path in site if path.parent.name == "teach"}
    assert offered == made - {"teach/index.html"} and len(offered) > 14
    assert "to_project_and_print.html" in site[out / "for_teachers.html"].links


def test_every_internal_link_resolves(site):
    for path, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                assert parts.scheme in ("https", "mailto"), (path.name, link)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name}: {link} leads nowhere"
            if parts.fragment and target in site:
                assert unquote(parts.fragment) in site[target].ids, f"{path.name}: no such place: {link}"


def test_no_page_loads_anything_from_elsewhere(site):
    for path, page in site.items():
        for address in page.loads:
            parts = urlsplit(address)
            assert not parts.netloc and parts.scheme in ("", "data"), f"{path.name} loads {address}"
            if not parts.scheme:
                assert (path.parent / unquote(parts.path)).exists(), f"{path.name} lacks {address}"
    for style in root_of(site).rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", text), style.name


def test_every_figure_is_there_with_its_alt_text(site):
    out = root_of(site)
    for path in NOTEBOOKS:
        page = site[out / path.relative_to(ROOT / "notebooks").with_suffix(".html")]
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        figures = [o for cell in cells for o in cell.outputs if "image/png" in o.get("data", {})]
        wanted = [" ".join(o.metadata["image/png"]["alt"].split()) for o in figures]
        assert [image["alt"] for image in page.images] == wanted, path.name
    pictures = [alt for path in DOCUMENTS for alt in re.findall(r"!\[([^]]+)\]\(", path.read_text(encoding="utf-8"))]
    shown = [image["alt"] for path in DOCUMENTS for image in site[out / f"{path.stem}.html"].images]
    assert pictures and shown == pictures
    for path, page in site.items():
        assert all(image.get("alt", "").strip() for image in page.images), path.name


def test_headings_descend_one_by_one_and_answers_stay_folded(site):
    out = root_of(site)
    for path in NOTEBOOKS:
        page = site[out / path.relative_to(ROOT / "notebooks").with_suffix(".html")]
        text = "".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
        assert page.tags.count("details") >= text.count("<details>")
        levels = page.levels
        assert levels.count(1) == 1
        assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False)), (path.name, levels)
        assert ("$$" in text) <= ("math" in page.tags), "formulas are MathML"


def test_every_notebook_can_be_downloaded_without_its_answers(site):
    out = root_of(site)
    for path in NOTEBOOKS:
        inside = path.relative_to(ROOT / "notebooks")
        page = out / inside.with_suffix(".html")
        up = "../" * (len(inside.parts) - 1)
        assert f"{up}download/{inside.as_posix()}" in site[page].links
        bare = nbformat.read(out / "download" / inside, as_version=4)
        assert not any(cell.get("outputs") for cell in bare.cells)
        assert [cell.source for cell in bare.cells] == [c.source for c in nbformat.read(path, as_version=4).cells]


def test_the_first_page_has_the_picture_the_doors_and_the_board(site):
    page = site[root_of(site) / "index.html"]
    assert page.images[0]["src"].endswith("one_cell.png") and len(page.images[0]["alt"]) > 80
    assert {"00_start_here.html", "for_teachers.html", "own_laboratories.html"} <= set(page.links)
    text = (root_of(site) / "index.html").read_text(encoding="utf-8")
    facts = json.loads(re.search(r'id="board-facts">(.*?)</script>', text, re.S)[1])
    n_frames = len(facts["stain"]) * len(facts["light"]) * len(facts["field_um"])
    assert len(facts["answers"]) == len(facts["confidences"]) == n_frames
    frames = root_of(site) / "_static" / "board.jpg"
    assert frames.stat().st_size < 1_000_000
    with Image.open(frames) as picture:
        side, columns = facts["side"], len(facts["field_um"])
        assert picture.size == (side * columns, side * n_frames // columns)
    middle = n_frames // 2  # the cell as its own laboratory shows it
    assert facts["answers"][middle] == facts["cell"] and len(set(facts["answers"])) > 1


def test_solutions_are_folded_away_in_the_sidebar(site):
    text = (root_of(site) / "index.html").read_text(encoding="utf-8")
    folded = re.search(r'href="solutions/index\.html">Solutions</a>\s*<details>.*?</details>', text, re.S)
    assert folded and folded[0].count('href="solutions/') == 1 + len([p for p in NOTEBOOKS if "solutions" in p.parts])


def test_the_reference_has_every_public_name(site):
    page = site[root_of(site) / "api.html"]
    for name in wbc_tutorial._FILE_OF:
        assert f"wbc_tutorial.{name}" in page.ids, name
    text = (root_of(site) / "api.html").read_text(encoding="utf-8")
    assert all(f"wbc.{name}" in text for name in wbc_tutorial._MODULE_OF)


def test_formulas_are_drawn_and_search_and_copying_are_there(site):
    for path in site:
        text = path.read_text(encoding="utf-8")
        assert "<merror" not in text and not re.search(r"<m[ion][^>]*>\\\\", text), (
            f"{path.name}: a formula is not drawn"
        )
        if path.parent.name != "teach":  # the teacher's pages are whole in themselves
            assert "course.js" in text and "copybutton.js" in text
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        formulas = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert not re.search(r"\\[bB]igg?[lr]?[()\[\]]", formulas), f"{path.name}: write \\left( and \\right)"


def test_with_a_repository_pages_link_to_it_to_binder_and_to_colab(site, tmp_path):
    result = build(tmp_path / "site", GITHUB_REPOSITORY="owner/course")
    assert result.returncode == 0, result.stdout + result.stderr
    links = Page(tmp_path / "site" / "00_start_here.html").links
    tag = f"v{Version(wbc_tutorial.__version__).base_version}"
    assert f"https://mybinder.org/v2/gh/owner/course/{tag}?urlpath=lab/tree/notebooks/00_start_here.ipynb" in links
    assert f"https://colab.research.google.com/github/owner/course/blob/{tag}/notebooks/00_start_here.ipynb" in links
    assert "https://github.com/owner/course" in links


def test_what_is_no_site_is_not_replaced(site, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    result = build(tmp_path)
    assert result.returncode == 2 and "holds something that is no site; give another --out" in result.stderr
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"
    result = build(tmp_path / "new", "--repository", "https://github.com/a/b")
    assert result.returncode == 2 and "expected OWNER/NAME" in result.stderr


def test_a_figure_without_alt_text_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from build_site import figures_as_files, links_between_pages

    bare = nbformat.v4.new_output("display_data", {"image/png": "aGVsbG8="})
    cell = nbformat.v4.new_code_cell("show(figure)", execution_count=1, outputs=[bare])
    with pytest.raises(ValueError, match="00: a figure has no alt text"):
        figures_as_files(cell, tmp_path, "00")
    text = "[a](01_class_imbalance.ipynb), [b](../pyproject.toml), [c](https://x.org)"
    home = ROOT / "notebooks" / "00_start_here.ipynb"
    assert links_between_pages(text, home, "") == "[a](01_class_imbalance.ipynb), b, [c](https://x.org)"
    assert "[b](https://github.com/o/n/blob/main/pyproject.toml)" in links_between_pages(text, home, "o/n")
    beside = "![figure](x.png) [a page](decisions.md) and [the guide](../CONTRIBUTING.md)"
    page = ROOT / "docs" / "how_the_recipe_was_chosen.md"
    assert links_between_pages(beside, page, "") == "![figure](x.png) [a page](decisions.md) and the guide"
    away = "[first](../notebooks/00_start_here.ipynb#x) [pack](../notebooks/README.md)"
    assert links_between_pages(away, page, "") == "[first](00_start_here.ipynb#x) [pack](for_teachers.md)"
    solution = ROOT / "notebooks" / "solutions" / "00_start_here.ipynb"
    assert links_between_pages("[n](../01_class_imbalance.ipynb)", solution, "") == "[n](../01_class_imbalance.ipynb)"
