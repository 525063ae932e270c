"""The page that tells how the recipe was chosen: its tables are those of the rows beside it, to the last digit.

After a change, ``python tests/house/test_selection_page.py`` writes the tables anew.
"""

import functools
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.markdown_tables import found, markdown, share_of_gap, short, write_anew
from support.places import ROOT

from wbc_tutorial.experiments import ablation, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.recipes import Recipe

PAGE = ROOT / "docs" / "how_the_recipe_was_chosen.md"
ROWS = ROOT / "docs" / "recipe_selection"
KEY = ["benchmark", "method", "fold", "seed", "domain", "split", "recipe"]
ROUNDS = {"first": 7, "second": 10, "third": 14, "fourth": 19}  # how many candidates had been scored by its end


def rows_of(*names: str) -> pd.DataFrame:
    return pd.concat([pd.read_csv(ROWS / f"open5_{name}.csv") for name in names])


@functools.cache
def left_out() -> pd.DataFrame:
    """One line per candidate, in the order in which they were tried: each laboratory left out, mean, known."""
    rows = rows_of("selection", "fourth_selection")
    scores = rows[rows.split == "left_out"].pivot_table("f1_macro", "recipe", "domain")
    scores = scores.loc[rows.recipe.unique(), list(BENCHMARKS["open5"].train)]
    known = rows[rows.split == "in_domain"].groupby("recipe").f1_macro.mean()
    return scores.assign(mean=scores.mean(axis=1), known=known)


@functools.cache
def trained_in_full() -> pd.DataFrame:
    """Every run of ERM and BoDA on all training laboratories; of a run that two rounds hold, the later one."""
    plain = tables.shipped("open5_low_rate").query("method in ['erm', 'boda']").assign(recipe="none")
    rounds = rows_of("fourth_recipe", "third_recipe", "second_recipe", "first_recipe")
    return pd.concat([plain, rounds]).drop_duplicates(KEY)


def known_on_fold_0() -> pd.Series:
    """ERM's F1-macro on both training laboratories together, first fold, by recipe: what passes a candidate over."""
    rows = trained_in_full().query("split == 'in_domain' and fold == 0 and method == 'erm'")
    return rows[rows.domain == "acevedo_20+raabin"].set_index("recipe").f1_macro


def choices() -> dict[str, str]:
    """By round: the highest mean on left-out laboratories; from round two on, of those not below ERM on known ones."""
    scores, known, chosen = left_out()["mean"], known_on_fold_0(), {}
    for name, end in ROUNDS.items():
        order = scores[:end].sort_values(ascending=False).index
        chosen[name] = next(recipe for recipe in order if name == "first" or known[recipe] >= known["none"])
    return chosen


def passed_over() -> list[str]:
    """Candidates that scored higher than a round's choice on left-out laboratories and lower than ERM on known ones."""
    scores, passed = left_out()["mean"], []
    for name, recipe in choices().items():
        higher = scores[: ROUNDS[name]]
        passed += list(higher[higher > scores[recipe]].index)
    return passed


@functools.cache
def closed() -> pd.DataFrame:
    """The share of the gap, counted up to the best known score of the last round."""
    rows = trained_in_full()
    last = rows[rows.recipe.isin([*rows_of("fourth_recipe").recipe, "none"])]
    best = ablation.gap_closed(last).query("runs >= 5").known.max()
    return ablation.gap_closed(trained_in_full(), best=best)


def candidates() -> str:
    lines, chosen = [["round", "candidate", "acevedo_20 left out", "raabin left out", "mean", "known"]], choices()
    for number, (recipe, line) in enumerate(left_out().iterrows()):
        name = next(name for name, end in ROUNDS.items() if number < end)
        shown = recipe.replace("+", ", ")
        lines.append([name, f"**{shown}**" if chosen[name] == recipe else shown, *map(short, line)])
    return markdown(lines)


def rounds() -> str:
    share, known, scores, rows = closed(), known_on_fold_0(), left_out()["mean"], trained_in_full()
    lines = [
        ["round", "chosen", "left out", "known, fold 0", "unseen Chula", "unseen BCCD", "gap closed, 95 % interval"]
    ]
    for name, recipe in {"(none)": "none", **choices()}.items():
        here = rows[(rows.recipe == recipe) & (rows.method == "erm")]
        each = [short(here[here.domain == laboratory].f1_macro.mean()) for laboratory in BENCHMARKS["open5"].unseen]
        told = share_of_gap(share.loc[recipe, "erm"]) if recipe != "none" else "0 %"
        lines.append([name, recipe.replace("+", ", "), short(scores[recipe]), short(known[recipe]), *each, told])
    return markdown(lines)


def names_of_recipes() -> dict[str, str]:
    chosen = choices()
    names = {str(recipe): name for name, recipe in ablation.ablated(Recipe(chosen["fourth"])).items()}
    names |= {chosen[name]: f"the {name} choice" for name in ("third", "second")}
    names |= {recipe: "passed over: with grayscale" for recipe in passed_over()}
    return names | {chosen["first"]: "the first choice"}


def ingredients() -> str:
    share, rows = closed(), trained_in_full()
    lines = [["recipe", "method", "folds", "known", "unseen Chula", "unseen BCCD", "gap closed, 95 % interval"]]
    for recipe, name in names_of_recipes().items():
        for method in ("erm", "boda"):
            if (recipe, method) not in share.index:
                continue
            here, line = rows[(rows.recipe == recipe) & (rows.method == method)], share.loc[recipe, method]
            each = [short(here[here.domain == lab].f1_macro.mean()) for lab in BENCHMARKS["open5"].unseen]
            told = "0 %" if (recipe, method) == ("none", "erm") else share_of_gap(line)
            lines.append([name, METHODS[method], f"{line.runs:.0f}", short(line.known), *each, told])
    return markdown(lines)


def dates() -> str:
    lines = [["what was run", "first run ended", "last run ended", "rows"]]
    parts = {
        "selection": "candidates of rounds one to three, on left-out laboratories",
        "first_recipe": "the first choice and its omissions, on all four",
        "second_recipe": "the second choice, the same",
        "third_recipe": "the third choice, the same",
        "fourth_selection": "candidates of round four, on left-out laboratories",
        "fourth_recipe": "the fourth choice, the same",
    }
    for name, what in parts.items():
        facts = json.loads((ROWS / f"open5_{name}.json").read_text(encoding="utf-8"))
        ended = [facts[key].replace("T", " ").removesuffix("+00:00") for key in ("first_run_ended", "last_run_ended")]
        lines.append([what, *ended, f"`open5_{name}.csv`"])
    return markdown(lines)


TABLES = [rounds, candidates, ingredients, dates]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_page_shows_the_rows_beside_it(table):
    assert found(PAGE, table.__name__) == table(), "run `python tests/house/test_selection_page.py` to write it anew"


def test_the_page_prints_the_recipe_that_the_rule_chose():
    assert f"--recipe {choices()['fourth'].replace('+', ',')}" in PAGE.read_text(encoding="utf-8")


def test_one_round_ended_before_the_next_began():
    """Chosen, scored on the unseen laboratories, chosen again; the first three rounds share one file of candidates."""
    names = ("first_recipe", "second_recipe", "third_recipe", "fourth_selection", "fourth_recipe")
    facts = [json.loads((ROWS / f"open5_{name}.json").read_text(encoding="utf-8")) for name in names]
    times = [each[key] for each in facts for key in ("first_run_ended", "last_run_ended")]
    assert times == sorted(times)
    selection = json.loads((ROWS / "open5_selection.json").read_text(encoding="utf-8"))
    assert selection["last_run_ended"] <= facts[2]["first_run_ended"]


def test_the_unseen_laboratories_are_in_no_row_of_the_selection():
    assert set(rows_of("selection", "fourth_selection").domain) == set(BENCHMARKS["open5"].train)


def test_the_page_says_what_happened_where_nobody_had_looked():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert re.search(r"kept aside.*\.718.*\.671", text), "the three laboratories kept aside"


if __name__ == "__main__":
    write_anew(PAGE, TABLES)
