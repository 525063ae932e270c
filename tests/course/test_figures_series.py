"""Every plot that draws series draws all of them, told apart by more than colour, whatever they are called."""

import inspect
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from wbc_tutorial.course import plots
from wbc_tutorial.course.plots.style import styled
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CLASSES, CODES
from wbc_tutorial.losses import transferability

SHORT = [f"series {i}" for i in range(15)]
LONG = [f"laboratory_number_{i}_of_a_university_hospital_in_a_town_with_a_long_name_indeed" for i in range(15)]
SCRIPTS = ["Klinik Ü $1", "hôpital $a_b$ \\x", "実験室 больница"]
LABORATORIES = np.repeat(np.arange(15), 3)


class Data:
    """Numbers for the series of a figure, some of them NaN where it is asked for."""

    def __init__(self, names, points=3, nan=False):
        self.names, self.n, self.points, self.nan = list(names), len(names), points, nan
        self.random = np.random.default_rng(0)

    def values(self, *shape):
        found = self.random.uniform(0.1, 0.9, shape or self.points)
        if self.nan:
            found.flat[0] = np.nan
        return found

    def each(self, *shape):
        return {name: self.values(*shape) for name in self.names}

    @property
    def domains(self):
        return np.repeat(np.arange(self.n), self.points)

    def plane(self, h=2):
        return self.random.normal(size=(self.n * self.points, h))


def graph(d):
    z = torch.as_tensor(np.random.default_rng(0).normal(size=(4 * d.n, 3)))
    labels, domains = torch.arange(4 * d.n) % 2, torch.arange(d.n).repeat_interleave(4)
    return plots.transferability_graph({"ERM": transferability(z, labels, domains)}, CLASSES, d.names)


def paired(d):
    index = pd.MultiIndex.from_product([range(d.n), range(d.points)], names=["fold", "seed"])
    return plots.paired_runs(*(pd.Series(d.random.random(len(index)), index) for _ in range(2)))


def intervals(d):
    low = d.values(20) - 0.1
    return {name: {"3 runs": (low, low + 0.2)} for name in d.names}


def ablation_runs(d):
    """Fractions of the gap of as many recipes as there are names, and the runs behind them."""
    names = ["none", "all", *(f"{name} alone" for name in d.names), *(f"all but {name}" for name in d.names)]
    values = d.values(d.points, len(names))
    pairs = pd.MultiIndex.from_product([names, ["erm"]], names=["recipe", "method"])
    runs = pd.DataFrame(values, columns=pairs)
    return pd.DataFrame({"closed": runs.mean()}), runs, {name: name for name in names}


def probabilities(d):
    likely = d.random.uniform(0.5, 1, (d.points * 40, 1))
    return np.hstack([likely, 1 - likely])


IN_LEGENDS = {
    "boda_bound": lambda d: plots.boda_bound(d.each(), d.each()),
    "boda_curves": lambda d: plots.boda_curves(d.each(), level=2.0),
    "boda_plane": lambda d: plots.boda_plane(d.plane(), d.domains * 0, d.domains, classes=("monocyte",)),
    "clouds": lambda d: plots.clouds({"before": d.plane()}, d.domains, names=d.names),
    "colour_cloud": lambda d: plots.colour_cloud(*d.values(2, d.n * d.points), d.domains, d.names),
    "cumulative_share": lambda d: plots.cumulative_share({name: [5, 3, 0] for name in d.names}),
    "costs_by_threshold": lambda d: plots.costs_by_threshold(d.each(), np.arange(d.points)),
    "curves": lambda d: plots.curves(range(d.points), d.each(), xlabel="x", ylabel="y"),
    "gradient_by_count": lambda d: plots.gradient_by_count(np.ones((2, d.points)), d.each(2, d.points)),
    "gradient_shares": lambda d: plots.gradient_shares(d.each(), dict.fromkeys(d.names, 0.5)),
    "latent_grid": lambda d: plots.latent_grid({"map": d.plane()}, d.domains, d.names),
    "latent_map": lambda d: plots.latent_map(d.plane(), d.domains * 0, d.domains, d.domains > 3, CLASSES, d.names),
    "latent_planes": lambda d: plots.latent_planes(
        {"ERM": d.plane(5)}, d.domains * 0, d.domains, names=d.names, classes=CLASSES, chosen=[0]
    ),
    "one_number": lambda d: plots.one_number([[d.values() for _ in d.names]], d.names, ["one way"], label="µm"),
    "paired_runs": paired,
    "two_falls": lambda d: plots.two_falls({name: (9, k % 10) for k, name in enumerate(d.names)}),
    "recall_fall": lambda d: plots.recall_fall(d.each(2), CLASSES[:2], np.array([5, 3])),
    "reliability": lambda d: plots.reliability(
        {name: np.arange(d.points * 40) % 2 for name in d.names}, {name: probabilities(d) for name in d.names}
    ),
    "dose_curves": lambda d: plots.dose_curves({"dye": (range(d.points), d.each(2, d.points))}),
    "risk_by_coverage": lambda d: plots.risk_by_coverage(d.each(), {name: [True] * d.points for name in d.names}),
    "score_plane": lambda d: plots.score_plane(d.each(d.points, 2), d.each(d.points, 2)),
    "slope": lambda d: plots.slope(d.each(2), d.each(2)),
    "transferability_graph": graph,
}
"""Plots whose series stand in a legend."""

NAMED_BY_NUMBER = {"boda_plane": "laboratory {}", "paired_runs": "fold {}"}


def rows_of_results(d):
    key = [(m, s, f) for m in d.names for s in ("in_domain", "unseen") for f in range(d.points)]
    rows = pd.DataFrame(key, columns=["method", "split", "fold"]).assign(seed=0, domain="lab")
    return rows.assign(f1_macro=d.values(len(rows)))


def differences(d):
    return pd.DataFrame({"mean": d.values(d.n), "low": np.nan, "high": np.nan}, index=d.names)


def falls(d):
    index = pd.MultiIndex.from_product([d.names, range(d.points)], names=["method", "fold"])
    return pd.DataFrame(d.values(len(index), 2), index, ["dyes", "light"])


def picture(d):
    return d.random.integers(0, 255, (16, 16, 3), dtype=np.uint8)


HEAD = np.eye(2), np.zeros(2)
TOY = np.arange(8) // 2 % 2, np.arange(8) % 2

ON_AXES = {
    "before_and_after": lambda d: plots.before_and_after({name: [picture(d)] for name in d.names}, ["lab"]),
    "colour_means": lambda d: plots.colour_means(d.values(d.n, 2, 3), d.values(d.n, 2, 3), d.names),
    "confusion_shares": lambda d: plots.confusion_shares(dict.fromkeys(d.names, np.eye(2, dtype=int)), CLASSES[:2]),
    "confusion_pair": lambda d: plots.confusion_pair(dict.fromkeys(d.names, np.eye(2, dtype=int)), CLASSES[:2]),
    "count_factors": lambda d: plots.count_factors(
        np.arange(1, 27).reshape(2, 13), ("A", "B"), scales=dict.fromkeys(d.names, 1.0)
    ),
    "counts_by_class": lambda d: plots.counts_by_class(np.ones((d.n, 13), int), CLASSES, d.names),
    "decision_planes": lambda d: plots.decision_planes({name: (d.values(8, 2), *HEAD) for name in d.names}, *TOY),
    "difference_bars": lambda d: plots.difference_bars(differences(d)),
    "fall": lambda d: plots.fall(rows_of_results(d)),
    "falls_by_part": lambda d: plots.falls_by_part(falls(d)),
    "gap_panels": lambda d: plots.gap_panels(*ablation_runs(d)),
    "head_norms": lambda d: plots.head_norms(np.arange(1, 14), d.each(13), CLASSES),
    "heatmap": lambda d: plots.heatmap(d.values(d.n, 2), d.names, ["a", "b"]),
    "importance_maps": lambda d: plots.importance_maps(
        [picture(d) for _ in d.names],
        d.values(d.n, 4, 4),
        d.values(d.n, 16, 16) > 0.6,
        d.values(d.n, 16, 16) > 0.3,
        d.names,
    ),
    "intervals_and_truth": lambda d: plots.intervals_and_truth(intervals(d), 0.5),
    "live_among_shipped": lambda d: plots.live_among_shipped(d.each(), dict.fromkeys(d.names, 0.5)),
    "image_grid": lambda d: plots.image_grid([[picture(d)] for _ in d.names], d.names, ["a column"]),
    "image_row": lambda d: plots.image_row([picture(d) for _ in d.names], d.names),
    "mixed_clouds": lambda d: plots.mixed_clouds({name: d.values(8, 2) for name in d.names}, *TOY),
    "named_cells": lambda d: plots.named_cells(
        CellImages(np.zeros((2, 3, 8, 8), np.uint8), [0, 1], [0, 0], domain_names=("lab",)),
        {name: np.array([0, 2]) for name in d.names},
    ),
    "native_views": lambda d: plots.native_views([picture(d) for _ in d.names], d.names, [1.0] * d.n),
    "pair_grid": lambda d: plots.pair_grid(np.ones((d.n, 2), int), CLASSES[:2], d.names),
    "part_by_part": lambda d: plots.part_by_part({name: np.array([True, False]) for name in d.names}),
    "recall_by_count": lambda d: plots.recall_by_count(np.arange(13), d.each(13), CLASSES, CODES),
    "score_bars": lambda d: plots.score_bars(dict(zip(d.names, d.values(d.n), strict=True))),
    "shares_by_class": lambda d: plots.shares_by_class({"as it comes": d.values(d.n, 13)}, CLASSES, d.names),
    "transfer_bars": lambda d: plots.transfer_bars(d.each(3)),
}
"""Plots that give each series a panel, a row or a place on an axis, with its name beside it."""

WITHOUT_SERIES = {
    "answers_along", "best_of_many", "choices", "confusion_matrix", "contact_sheet", "decisive_bars", "glossary",
    "laboratory_board", "majority_vote", "pull_and_push", "score_by_laboratories", "stain_maps", "training_curve",
}  # fmt: skip

NUMBERS = (1, 2, 7, 15)


@pytest.fixture(autouse=True)
def in_style():
    with plt.rc_context():
        plots.use_style()
        yield


def look(artist):
    """What tells one artist from another: marker, colours, line and hatch."""
    if isinstance(artist, Line2D):
        return "line", artist.get_marker(), str(artist.get_color()), artist.get_linestyle()
    if isinstance(artist, Rectangle):
        return "bar", tuple(np.round(artist.get_facecolor()[:3], 3)), artist.get_hatch()
    fill, edge = artist.get_facecolor(), artist.get_edgecolor()
    colour = tuple(np.round((fill if len(fill) else edge)[0][:3], 3))
    return "points", artist.get_paths()[0].vertices.round(3).tobytes(), colour, bool(len(fill))


def is_drawn(artist):
    """Whether it has data: the samples that only a legend shows have none."""
    if isinstance(artist, Line2D):
        return np.isfinite(np.asarray(artist.get_ydata(), dtype=float)).any()
    return isinstance(artist, Rectangle) or len(artist.get_offsets()) > 0


def drawn(figure):
    """The looks of all artists with data."""
    artists = [a for axis in figure.axes for a in (*axis.lines, *axis.collections, *axis.patches)]
    return {look(a) for a in artists if isinstance(a, Line2D | PathCollection | Rectangle) and is_drawn(a)}


def in_legends(figure):
    """Name -> look, of everything that the figure's legends show."""
    legends = [*figure.legends, *filter(None, (axis.get_legend() for axis in figure.axes))]
    written = {text.get_text() for legend in legends for text in legend.get_texts()}
    entries = {}
    for axis in figure.axes:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            if name in written:
                shown = handle[0] if isinstance(handle, BarContainer | ErrorbarContainer) else handle
                entries[" ".join(name.split())] = look(shown)
    return entries


def test_every_plot_is_sorted_in():
    made = {name for name, each in vars(plots).items() if inspect.isfunction(each)}
    figures = {name for name in made if inspect.signature(getattr(plots, name)).return_annotation is Figure}
    assert figures == {*IN_LEGENDS, *ON_AXES} | WITHOUT_SERIES and not WITHOUT_SERIES & {*IN_LEGENDS, *ON_AXES}


@pytest.mark.parametrize("n", NUMBERS)
@pytest.mark.parametrize("name", IN_LEGENDS)
def test_every_series_is_drawn_as_its_legend_says_and_unlike_the_others(name, n):
    figure = IN_LEGENDS[name](Data(SHORT[:n]))
    entries = in_legends(figure)
    expected = [NAMED_BY_NUMBER.get(name, "series {}").format(i) for i in range(n)]
    found = [next((key for key in entries if key == e or key.endswith(f", {e}") or key.startswith(f"{e},")), None)
             for e in expected]  # fmt: skip
    assert None not in found, [e for e, f in zip(expected, found, strict=True) if f is None]
    looks, there = {entries[key] for key in found}, drawn(figure)
    if name in {"boda_plane", "transferability_graph"}:  # the colour says the class there, and the marker the series
        looks, there = ({look[:2] for look in each} for each in (looks, there))
    assert len(looks) == n
    assert looks <= there, "a legend shows what the axes lack"


@pytest.mark.parametrize("n", NUMBERS)
@pytest.mark.parametrize("name", ON_AXES)
def test_every_series_has_its_panel_or_row(name, n):
    figure = ON_AXES[name](Data(SHORT[:n]))
    written = " ".join(
        text.get_text() for axis in figure.axes
        for text in (axis.title, axis._left_title, axis.yaxis.label, *axis.texts, *axis.get_xticklabels(),
                     *axis.get_yticklabels())
    )  # fmt: skip
    written = " ".join(written.split()) + " "
    assert all(f"{each} " in written or f"{each}," in written for each in SHORT[:n])
    full = [axis for axis in figure.axes if axis.lines or axis.collections or axis.patches or axis.images]
    if name in {"before_and_after", "confusion_pair", "confusion_shares", "count_factors", "counts_by_class",
                "decision_planes", "head_norms", "image_grid", "image_row", "mixed_clouds", "native_views",
                "recall_by_count", "shares_by_class"}:  # fmt: skip
        assert len([axis for axis in full if axis.get_label() != "<colorbar>"]) == n


def test_rows_of_plots_with_one_axis_are_all_filled():
    data = Data(SHORT)
    assert len([p for p in plots.score_bars(dict.fromkeys(SHORT, 0.5)).axes[0].patches if p.get_width() > 0]) == 15
    assert len(plots.transfer_bars(data.each(3)).axes[0].patches) == 45
    assert len([line for line in plots.difference_bars(differences(data)).axes[0].lines]) == 1 + 15
    points = [c.get_offsets() for c in plots.fall(rows_of_results(data)).axes[0].collections]
    means = [offsets for offsets in points if len(offsets) == 15]
    assert len(means) >= 2 and sum(len(offsets) for offsets in points) >= 2 * 15 * (1 + data.points)
    grid = plots.pair_grid(np.arange(30).reshape(15, 2) + 1, CLASSES[:2], SHORT).axes[0]
    assert [text.get_text() for text in grid.texts] == [str(i + 1) for i in range(30)]


CANNOT_BE_NAN = {"boda_plane", "clouds", "cumulative_share", "latent_grid", "latent_map", "latent_planes",
                 "importance_maps", "paired_runs", "reliability", "transferability_graph"}  # fmt: skip


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # a name as long as the figure leaves no axes
@pytest.mark.parametrize("name", [*IN_LEGENDS, *ON_AXES])
def test_any_name_can_be_written_and_a_missing_value_leaves_the_others(name):
    names = [LONG[0], *SCRIPTS[:3], LONG[1]]
    figure = (IN_LEGENDS | ON_AXES)[name](Data(names, nan=name not in CANNOT_BE_NAN))
    assert plots.png(figure, dpi=20).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", [*IN_LEGENDS, *ON_AXES])
def test_a_figure_says_in_words_of_its_own_what_was_drawn(name):
    figure = (IN_LEGENDS | ON_AXES)[name](Data(SHORT[:2]))
    assert len(getattr(figure, "alt", "").split()) >= 5, "let the plot function end with `with_alt`"


@pytest.mark.parametrize("name", [*IN_LEGENDS, *ON_AXES])
def test_a_single_point_can_be_drawn(name):
    n = 2 if name == "latent_planes" else 1
    figure = (IN_LEGENDS | ON_AXES)[name](Data(SHORT[:n], points=1))
    assert figure.axes


def test_styles_come_back_only_with_another_marker():
    styles = [plots.series_style(i) for i in range(105)]
    assert len({(s.marker, s.colour) for s in styles}) == 105
    assert len({(s.colour, s.hatch) for s in styles[:56]}) == 56
    assert len({(s.colour, s.linestyle) for s in styles[:28]}) == 28
    assert [style for style, _ in styled("abc")] == styles[:3]


def test_classes_are_found_by_code_in_any_case():
    assert [plots.class_code(n) for n in ("ngb", "NGB", "Neutrophil band", "neu", "lymphocyte")] == [
        "NGB", "NGB", "NGB", "NEU", "LYM",
    ]  # fmt: skip
    assert plots.class_colour("mon") == plots.class_colour("monocyte")
    with pytest.raises(ValueError, match="unknown class 'xyz'"):
        plots.class_colour("xyz")
    named, coded = (plots.confusion_matrix(np.eye(2, dtype=int), c) for c in (CLASSES[:2], ("bas", "EOS")))
    assert all([t.get_text() for t in each.axes[0].get_yticklabels()] == ["BAS", "EOS"] for each in (named, coded))
    blank = np.zeros((8, 8, 3), np.uint8)
    figure = plots.glossary({"eos": blank, "basophil": blank})
    assert [axis.texts[0].get_text() for axis in figure.axes if axis.texts] == ["BAS", "EOS"]


def test_images_and_names_that_do_not_fit_together_are_refused():
    blank = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="3 images and 2 titles"):
        plots.image_row([blank] * 3, ["a", "b"])
    with pytest.raises(ValueError, match=r"2 rows of \[1\] images for 2 row names and 3 column names"):
        plots.image_grid([[blank], [blank]], ["a", "b"], ["c", "d", "e"])
    with pytest.raises(ValueError, match=r"counts \(3, 13\) of 2 laboratories"):
        plots.count_factors(np.ones((3, 13)), ("A", "B"))
    index = pd.MultiIndex.from_tuples([(0, 0)], names=["fold", "seed"])
    other = pd.MultiIndex.from_tuples([(1, 0)], names=["fold", "seed"])
    with pytest.raises(ValueError, match="ERM and BoDA share no fold and seed"):
        plots.paired_runs(pd.Series([0.1], index), pd.Series([0.2], other), names=("ERM", "BoDA"))


def test_no_figure_file_counts_its_styles_by_hand():
    """`zip(..., strict=False)` over styles drops what is beyond them: it stands nowhere."""
    for path in Path(plots.__file__).parent.glob("*.py"):
        assert "strict=False" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(("size", "field_um"), [(64, 25.0), (128, 36.0)])
def test_a_scale_bar_is_five_micrometres_long(size, field_um):
    picture = np.zeros((size, size, 3), np.uint8)
    for figure in (
        plots.image_row([picture] * 2, ["a", "b"], field_um=field_um),
        plots.image_grid([[picture]], ["a"], ["b"], field_um=field_um),
    ):
        (bar,) = figure.axes[0].lines
        assert np.ptp(bar.get_xdata()) == pytest.approx(5 * size / field_um)
        assert "5 µm" in [text.get_text() for text in figure.axes[0].texts]
        assert not any(axis.lines for axis in figure.axes[1:])
