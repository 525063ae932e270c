"""The README's tables: the course is that of the notebooks, results are those of the shipped rows, to the last digit.

After a change, ``python tests/house/test_readme_tables.py`` writes them anew.
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.markdown_tables import found, markdown, share_of_gap, short, spread, write_anew
from support.places import NOTEBOOKS, ROOT

from wbc_tutorial.experiments import ablation, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.recipes import CHOSEN_RECIPE

README = ROOT / "README.md"
FIVE = ("erm", "coral", "dann", "boda", "boda_plus")


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


def course() -> str:
    lines = [["notebook", "question", "minutes (reading + exercises)", "solutions"]]
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        head = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title, question = re.search(r"^# (.*)$", head, re.M)[1], re.search(r"^\*([^*].*)\*$", head, re.M)[1]
        minutes = re.search(r"(\d+) minutes of reading and (\d+) minutes of exercises", head).groups()
        solved = f"[{path.stem[:2]}](notebooks/solutions/{path.name})"
        lines.append([f"[{title.replace(' · ', ' ')}](notebooks/{path.name})", question, " + ".join(minutes), solved])
    return markdown(lines)


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
        each = [both(rows[(rows.method == method) & (rows.domain == name)]) for name in BENCHMARKS["open5"].unseen]
        lines.append([METHODS[method], both(known.loc[method]), *each, gap(differences, method)])
    return markdown(lines)


def recipe() -> str:
    rows, _ = ablation.real_cells()
    closed, lines = ablation.gap_closed(rows), []
    alone = CHOSEN_RECIPE.without(*CHOSEN_RECIPE.transductive)
    lines = [["recipe", "method", "known", "unseen Chula", "unseen BCCD", "gap closed, 95 % interval"]]
    for kind, name in (("none", "none"), (str(alone), "image by image"), (str(CHOSEN_RECIPE), "the recipe")):
        for method in ("erm", "boda"):
            here = rows[(rows.recipe == kind) & (rows.method == method)]
            each = [short(here[here.domain == lab].f1_macro.mean()) for lab in BENCHMARKS["open5"].unseen]
            told = "0 %" if (kind, method) == ("none", "erm") else share_of_gap(closed.loc[kind, method])
            lines.append([name, METHODS[method], short(closed.loc[kind, method].known), *each, told])
    return markdown(lines)


TABLES = [course, simulated, open5, recipe]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_readme_shows_the_notebooks_and_the_shipped_results(table):
    assert found(README, table.__name__) == table(), "run `python tests/house/test_readme_tables.py` to write it anew"


def test_what_the_readme_concludes_follows_from_the_intervals():
    lines = {name: tables.differences(tables.shipped(name)) for name in ("simulated", "open5")}
    gains = {name: set(line.index[line.low > 0]) for name, line in lines.items()}
    losses = {name: set(line.index[line.high < 0]) for name, line in lines.items()}
    assert gains == {"simulated": {"coral", "boda", "boda_plus"}, "open5": set()}
    assert losses == {"simulated": {"dann"}, "open5": {"dann"}}


def test_the_variants_that_the_readme_quotes_are_those_shipped():
    plain = tables.shipped("simulated").query("seed == 0").assign(recipe="none")
    rows = pd.concat([plain, tables.shipped("simulated_variants")]).query("split == 'unseen'")
    mean = rows.drop_duplicates(["recipe", "method", "fold"]).groupby(["recipe", "method"]).f1_macro.mean()
    quoted = (("none", "erm_plus"), ("none", "boda_plus"), ("boda_mean_scale", "boda"), ("none", "erm"))
    told = [short(mean[key]) for key in quoted]
    text = " ".join(README.read_text(encoding="utf-8").split())
    assert (
        f"({told[0]} and {told[1]}, five folds)" in text and f"boda_mean_scale`: {told[2]} against {told[3]})" in text
    )


def test_the_readme_says_beside_the_headline_where_the_recipe_fails():
    text = " ".join(README.read_text(encoding="utf-8").split())
    assert 0 < text.index("lowers the mean F1-macro from .718 to .671") - text.index("closes half of it") < 200


if __name__ == "__main__":
    write_anew(README, TABLES)
