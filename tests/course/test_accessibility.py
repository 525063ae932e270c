"""Figures for every eye: contrast, colour-blind sight, marks besides colours, alt texts and links that speak."""

import ast
import itertools
import re

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.colors import is_color_like
from support.colours import SIGHT, ciede2000, contrast, distance, lab
from support.places import ROOT

from wbc_tutorial.course import plots
from wbc_tutorial.course.plots.style import DOMAIN_STYLE, ink_on
from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES

PLOTS = sorted((ROOT / "wbc_tutorial" / "plots").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINEAGE, ANY, LABORATORY = 12, 8, 10  # CIEDE2000: within a lineage, any two classes, any two laboratories
WRITE = {"text", "annotate", "set_title", "suptitle", "set_xlabel", "set_ylabel"}
TEXT, MARK = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11

each_sight = pytest.mark.parametrize("sight", SIGHT)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ],
)
def test_the_distance_is_that_of_the_published_pairs(first, second, expected):
    assert ciede2000(first, second) == pytest.approx(expected, abs=1e-4)
    assert ciede2000(second, first) == pytest.approx(expected, abs=1e-4)


def test_the_rulers_know_what_is_known():
    assert contrast("black") == pytest.approx(21) and contrast("#777777") == pytest.approx(4.48, abs=0.01)
    for sight in SIGHT:
        assert np.allclose(lab("0.5", sight), lab("0.5"), atol=0.05), "grey stays grey"
    assert distance("#c9b400", "#f0a202") > 15 and distance("#c9b400", "#f0a202", "deuteranopia") < 2
    assert distance("red", "green", "protanopia") < distance("red", "green")


@each_sight
def test_classes_stay_apart(sight):
    for one, other in itertools.combinations(CELL_CLASSES, 2):
        apart = distance(one.colour, other.colour, sight)
        least = LINEAGE if one.lineage == other.lineage else ANY
        assert apart >= least, f"{one.code} and {other.code}: {apart:.1f}"


@each_sight
def test_laboratories_stay_apart_and_differ_in_marker_too(sight):
    for (marker, one), (another, other) in itertools.combinations(DOMAIN_STYLE, 2):
        assert marker != another
        assert distance(one, other, sight) >= LABORATORY, (one, other)


def test_marks_stand_out_from_white():
    plots.use_style()
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for colour in [cell.colour for cell in CELL_CLASSES] + [colour for _, colour in DOMAIN_STYLE] + cycle:
        assert contrast(colour) >= MARK, colour


def test_text_stands_out_from_white():
    plots.use_style()
    for key in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.titlecolor", "legend.labelcolor"):
        colour = plt.rcParams[key]
        assert colour in ("auto", None, "inherit") or contrast(colour) >= TEXT, key
    found = [
        (path.name, colour) for path in PLOTS for colour in text_colours(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert len(found) >= 3
    for name, colour in found:
        assert contrast(colour) >= TEXT, f"{name} writes in {colour}"


def text_colours(tree):
    """Every colour that is given as such to a call that writes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {
            "text",
            "annotate",
            "set_title",
            "suptitle",
        }:
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if keyword.arg in {"color", "c"} and isinstance(value, str) and is_color_like(value):
                    yield value


def test_numbers_in_a_heatmap_stand_out_from_their_cell():
    values = np.linspace(0, 1, 26).reshape(2, 13)
    codes = [cell.code for cell in CELL_CLASSES]
    counts = np.round(1000 * np.tri(13) * np.linspace(0, 1, 13)).astype(int)
    for figure in (
        plots.heatmap(values, ["a", "b"], codes),
        plots.confusion_matrix(counts, CLASSES),
        plots.pair_grid(counts[:3] + np.arange(13) ** 3, CLASSES, ["a", "b", "c"]),
    ):
        axis = figure.axes[0]
        image = axis.images[0]
        ground = image.cmap(image.norm(image.get_array()))
        assert len(axis.texts) >= 20
        for text in axis.texts:
            column, row = text.get_position()
            assert contrast(text.get_color(), ground[int(row), int(column)]) >= TEXT, text.get_text()
        plt.close(figure)
    assert all(contrast(ink_on(str(grey)), str(grey)) >= TEXT for grey in np.linspace(0, 1, 101))


SAYS_IT_AGAIN = re.compile(r"marker|hatch|class_code|set_xticks|set_yticks|xticks|yticks|annotate|\.text\(|label")


def test_no_function_that_colours_by_class_or_laboratory_uses_colour_alone():
    seen = 0
    for path in PLOTS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            source = ast.unparse(node)
            if isinstance(node, ast.FunctionDef) and re.search(r"\bDOMAIN_STYLE\b|\bclass_colour\(|\.colour\b", source):
                if node.name in {"class_colour", "ink_on"}:
                    continue
                seen += 1
                assert SAYS_IT_AGAIN.search(source), f"{path.name}: {node.name} says it by colour alone"
    assert seen >= 15


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_alt_texts_and_links_say_something_of_their_own(path):
    cells = nbformat.read(path, as_version=4).cells
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    alts = [out.metadata["image/png"]["alt"] for out in outputs if "image/png" in out.get("data", {})]
    assert len(set(alts)) == len(alts), "two figures share an alt text"
    for alt in alts:
        assert not re.match(r"(an? )?(image|picture|figure|plot|graph) (of|show)", alt, re.I), alt
        assert len(alt) <= 400, f"{len(alt)} characters; say the rest in the text: {alt}"
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for label in re.findall(r"(?<!!)\[([^\]]+)\]\([^)]+\)", text):
        assert len(label) >= 4 and not re.fullmatch(r"(click )?(here|this|link|more)", label, re.I), label
    for table in re.findall(r"^\|.+\|\n\|[-:| ]+\|", text, re.M):
        assert re.search(r"\w", table.split("\n")[0]), "a table needs a head"
