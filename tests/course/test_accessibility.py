"""Figures for every eye: contrast, colour-blind sight, marks besides colours, alt texts and links that speak."""

import ast
import itertools
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import is_color_like, to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from support.colours import SIGHT, ciede2000, contrast, distance, lab
from support.places import ROOT

from wbc_tutorial.course import plots
from wbc_tutorial.course.plots.latent import LINEAGE_COLOURS
from wbc_tutorial.course.plots.style import PALETTE, ink_on
from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES, CODES, LINEAGES

PLOTS = sorted((ROOT / "wbc_tutorial" / "course" / "plots").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINEAGE, ANY, SERIES = 12, 8, 10  # CIEDE2000: within a lineage, any two classes, any two series
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
def test_series_stay_apart_and_differ_in_marker_and_hatch_too(sight):
    styles = [plots.series_style(i) for i in range(len(PALETTE))]
    for one, other in itertools.combinations(styles, 2):
        assert one.marker != other.marker and one.hatch != other.hatch
        assert distance(one.colour, other.colour, sight) >= SERIES, (one.colour, other.colour)


def test_marks_stand_out_from_white():
    plots.use_style()
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for colour in [cell.colour for cell in CELL_CLASSES] + [*PALETTE, *cycle]:
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
        image = axis.collections[0]
        ground = image.cmap(image.norm(image.get_array()))
        assert len(axis.texts) >= 20
        for text in axis.texts:
            column, row = map(int, text.get_position())
            assert contrast(text.get_color(), ground[row, column]) >= TEXT, text.get_text()
        plt.close(figure)
    assert all(contrast(ink_on(str(grey)), str(grey)) >= TEXT for grey in np.linspace(0, 1, 101))


BLANK = np.zeros((8, 8, 3), np.uint8)
POINTS, LABELS, DOMAINS = np.random.default_rng(0).normal(size=(39, 2)), np.arange(39) % 13, np.arange(39) // 13
ONES = np.ones(13)
GRAPH = SimpleNamespace(
    matrix=np.hypot(*(POINTS[:, None] - POINTS[None]).T), pairs=list(zip(DOMAINS, LABELS, strict=True)),
    alpha=1.0, beta=1.0, gamma=1.0,
)  # fmt: skip
CLASS_COLOURED = {
    "boda_plane": lambda: plots.boda_plane(POINTS, LABELS, DOMAINS, classes=CLASSES),
    "counts_by_class": lambda: plots.counts_by_class(np.ones((2, 13), int), CLASSES, "ab"),
    "glossary": lambda: plots.glossary(dict.fromkeys(CLASSES, BLANK)),
    "head_norms": lambda: plots.head_norms(np.arange(1, 14) ** 3, {"before": ONES}, CLASSES),
    "latent_planes": lambda: plots.latent_planes(
        {"ERM": POINTS}, LABELS, DOMAINS, names="abc", classes=CLASSES, chosen=range(13)
    ),
    "pull_and_push": lambda: plots.pull_and_push(ONES, ONES, CLASSES, CODES),
    "recall_by_count": lambda: plots.recall_by_count(np.arange(1, 14), {"plain": ONES}, CLASSES, CODES),
    "shares_by_class": lambda: plots.shares_by_class({"balanced": np.ones((1, 13))}, CLASSES, "a"),
    "transferability_graph": lambda: plots.transferability_graph({"ERM": GRAPH}, CLASSES, "abc"),
}


def written(figure):
    """All text of a figure, as words."""
    texts = [text.get_text() for text in figure.findobj(Text)]
    return set(re.findall(r"\w+", " ".join(texts)))


@pytest.mark.parametrize("name", CLASS_COLOURED)
def test_every_class_that_has_a_colour_has_its_code_beside_it(name):
    figure = CLASS_COLOURED[name]()
    colours = {to_hex(colour) for colour in colours_of(figure)}
    assert colours >= {cell.colour for cell in CELL_CLASSES}, "the figure colours by class"
    assert written(figure) >= set(CODES)


def colours_of(figure):
    """The colours of all bars, lines and points."""
    for artist in figure.findobj(lambda a: isinstance(a, Rectangle | Line2D | PathCollection)):
        for read in ("get_facecolor", "get_edgecolor", "get_color"):
            found = getattr(artist, read, list)()
            yield from [found] if isinstance(found, str) or np.ndim(found) == 1 and len(found) else found


def test_every_plot_that_asks_for_the_colour_of_a_class_is_tested_above():
    asking = {
        node.name
        for path in PLOTS
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and re.search(r"\bclass_colour\(|cell\.colour\b", ast.unparse(node))
    }
    assert {name for name in asking if not name.startswith("_") and name != "class_colour"} <= set(CLASS_COLOURED)


def test_points_coloured_by_lineage_name_every_class():
    """Thirteen colours cannot be told apart in a cloud: each lineage has one, each class its marker and code."""
    colours = {colour.lower() for colour in LINEAGE_COLOURS}
    assert len(colours) == len(LINEAGES)
    for figure in (
        plots.latent_grid({"map": POINTS}, LABELS, CLASSES, classes=True),
        plots.latent_map(POINTS, LABELS, DOMAINS, LABELS > 3, CLASSES, "abc"),
    ):
        assert {to_hex(colour) for colour in colours_of(figure)} >= colours and written(figure) >= set(CODES)


def test_points_coloured_by_class_have_a_marker_of_their_own_or_their_code():
    points = plots.latent_grid({"map": POINTS}, LABELS, CLASSES, classes=True).axes[0].collections
    assert len({c.get_paths()[0].vertices.tobytes() for c in points}) == 13
    plane = plots.boda_plane(POINTS[:3], [0, 1, 0], [0, 0, 1], classes=CLASSES[:2]).axes[0]
    assert {text.get_text() for text in plane.texts} >= {"0 BAS", "1 EOS", "2 BAS"}


@pytest.mark.parametrize("name", [*CLASS_COLOURED, "confusion_matrix", "heatmap"])
def test_text_is_large_enough_for_the_last_row(name):
    with plt.rc_context():
        plots.use_style()
        others = {
            "confusion_matrix": lambda: plots.confusion_matrix(np.eye(13, dtype=int), CLASSES, title="all"),
            "heatmap": lambda: plots.heatmap(np.eye(3), "abc", "def", title="shares", label="share"),
        }
        figure = (CLASS_COLOURED | others)[name]()
        in_cells = {id(text) for axis in figure.axes if name in others for text in axis.texts}
        for text in filter(Text.get_text, figure.findobj(Text)):
            assert text.get_fontsize() >= (10 if id(text) in in_cells else 13), text.get_text()
        assert plt.rcParams["savefig.dpi"] == 200


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_alt_texts_and_links_say_something_of_their_own(path):
    cells = nbformat.read(path, as_version=4).cells
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    alts = [out.metadata["image/png"]["alt"] for out in outputs if "image/png" in out.get("data", {})]
    assert len(set(alts)) == len(alts), "two figures share an alt text"
    for alt in alts:
        assert not re.match(r"(an? )?(image|picture|figure|plot|graph) (of|show)", alt, re.I), alt
        assert len(alt) <= 420, f"{len(alt)} characters; say the rest in the text: {alt}"
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for label in re.findall(r"(?<!!)\[([^\]]+)\]\([^)]+\)", text):
        assert len(label) >= 4 and not re.fullmatch(r"(click )?(here|this|link|more)", label, re.I), label
    for table in re.findall(r"^\|.+\|\n\|[-:| ]+\|", text, re.M):
        assert re.search(r"\w", table.split("\n")[0]), "a table needs a head"
