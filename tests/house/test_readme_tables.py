"""The README's tables of results are those of the shipped rows, to the last digit."""

import re

import pandas as pd
import pytest
from support.places import ROOT

from wbc_tutorial.course import plots
from wbc_tutorial.experiments import ablation, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.recipes import CANDIDATES

README = ROOT / "README.md"
FIGURE = README.parent / "wbc_tutorial" / "results" / "gap_closed.png"
FIVE = ("erm", "coral", "dann", "boda", "boda_plus")


def short(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".replace("0.", ".", 1)


def spread(values: pd.Series) -> str:
    return f"{short(values.mean())} ± {short(values.std(ddof=1))}"


def both(frame: pd.DataFrame) -> str:
    return f"{spread(frame.f1_micro)} / {spread(frame.f1_macro)}"


def gap(differences: pd.DataFrame, method: str) -> str:
    if method not in differences.index:
        return ""
    mean, low, high = (
        f"{'+' if differences.loc[method, key] >= 0 else '-'}{short(abs(differences.loc[method, key]))}"
        for key in ("mean", "low", "high")
    )
    return f"{mean} ({low} to {high})"


def markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(lines[0]), *lines[1:]))


def simulated() -> str:
    rows = tables.shipped("simulated")
    known, unseen = (tables.per_run(rows, split, ["f1_micro", "f1_macro"]) for split in ("in_domain", "unseen"))
    differences = tables.differences(rows, "unseen")
    lines = [["method", "known: F1-micro / F1-macro", "unseen `sim_mll`", "unseen macro against ERM, 95 % interval",
              "slides: known", "slides: unseen"]]  # fmt: skip
    for method in FIVE:
        slides = [" / ".join(short(v[0], 2) for v in tables.SLIDES[split][method]) for split in tables.SLIDES]
        ours = [both(known.loc[method]), both(unseen.loc[method]), gap(differences, method)]
        lines.append([METHODS[method], *ours, *slides])
    return markdown(lines)


def open5() -> str:
    rows = tables.shipped("open5")
    known, differences = tables.per_run(rows, "in_domain", ["f1_micro", "f1_macro"]), tables.differences(rows, "unseen")
    lines = [["method", "known: F1-micro / F1-macro", "unseen Chula", "unseen BCCD",
              "unseen macro against ERM, 95 % interval"]]  # fmt: skip
    for method in FIVE:
        each = [both(rows[(rows.method == method) & (rows.domain == name)]) for name in ("chula", "bccd")]
        lines.append([METHODS[method], both(known.loc[method]), *each, gap(differences, method)])
    return markdown(lines)


def selection() -> str:
    rows, laboratories = ablation.selection(), BENCHMARKS["open5"].train
    lines = [["candidate", *(f"left out: {name}" for name in laboratories), "mean", "known"]]
    for recipe in CANDIDATES:
        here = rows[rows.recipe == ("+".join(recipe) or "none")]
        left = here[here.split == "left_out"].set_index("domain").f1_macro[list(laboratories)]
        known = here[here.split == "in_domain"].f1_macro.mean()
        lines.append([", ".join(recipe) or "none", *map(short, left), short(left.mean()), short(known)])
    return markdown(lines)


def open5_ablation() -> str:
    rows, names = ablation.real_cells()
    closed = ablation.gap_closed(rows)
    lines = [["recipe", "method", "runs", "known", "unseen Chula", "unseen BCCD", "gap closed, 95 % interval"]]
    for recipe, method in ((r, m) for r in names for m in ("erm", "boda") if (r, m) in closed.index):
        here, line = rows[(rows.recipe == recipe) & (rows.method == method)], closed.loc[recipe, method]
        each = [short(here[here.domain == name].f1_macro.mean()) for name in ("chula", "bccd")]
        told = f"{100 * line.closed:.0f} %"
        if line.low == line.low:
            told += f" ({100 * line.low:.0f} to {100 * line.high:.0f})"
        lines.append([names[recipe], METHODS[method], f"{line.runs:.0f}", short(line.known), *each, told])
    return markdown(lines)


TABLES = [simulated, open5, selection, open5_ablation]


def test_the_readme_shows_the_figure_of_the_ablation():
    alt, target = re.search(r"!\[([^]]+)\]\((\S+gap_closed\.png)\)", README.read_text()).groups()
    assert len(alt.split()) > 15 and (README.parent / target).read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_readme_shows_the_shipped_results(table):
    name = table.__name__
    between = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", README.read_text(), re.S)[1]
    assert between == table(), "run `python tests/test_readme_tables.py` to write the tables anew"


if __name__ == "__main__":
    text = README.read_text()
    for made in TABLES:
        name = made.__name__
        head, tail = (f"<!-- {name} -->\n", f"\n<!-- end of {name} -->")
        text = text[: text.index(head) + len(head)] + made() + text[text.index(tail) :]
    README.write_text(text)
    plots.use_style()
    rows, names = ablation.real_cells()
    figure = plots.gap_bars(ablation.gap_closed(rows), names, title="real cells: Chula and BCCD averaged")
    figure.savefig(FIGURE, dpi=110)
