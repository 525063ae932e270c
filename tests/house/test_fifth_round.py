"""The page of the fifth round: its tables follow from the rows beside it and from the rule.

After a change, ``python tests/house/test_fifth_round.py`` writes the tables anew.
"""

import functools
import sys
from pathlib import Path

import pandas as pd
import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "data_scripts")]

from rebuild.select_recipe import INDUCTIVE, LABORATORIES, RANDOM, REFERENCE, compared
from support.markdown_tables import found, markdown, short, write_anew
from support.places import ROOT

from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.recipes import RECOMMENDED_RECIPE

PAGE = ROOT / "docs" / "leave_one_laboratory_out.md"
ROWS = ROOT / "docs" / "recipe_selection"
FOURTH = ("strong+od_rescale+class_balanced", "tta+adabn_balanced+t3a+label_spreading")
NAMES = {"strong": "stain_augment_strong", "plain": "none"}


@functools.cache
def real() -> pd.DataFrame:
    return pd.read_csv(ROWS / "fifth_real.csv")


@functools.cache
def simulated() -> pd.DataFrame:
    return pd.read_csv(ROWS / "fifth_simulated.csv")


@functools.cache
def table() -> pd.DataFrame:
    return compared(real(), simulated())


@functools.cache
def again() -> pd.DataFrame:
    """The same, all with the learning rate that was tuned for ERM."""
    return compared(tuned(), simulated())


@functools.cache
def tuned() -> pd.DataFrame:
    return tables.shipped("left_out")


def choice(table: pd.DataFrame) -> tuple[str, str] | None:
    """The rule: the highest score of those that harm nowhere; within .005, the one with fewer ingredients."""
    may = table[table.harmless & table.score.notna() & table.inductive]
    if may.empty:
        return None
    close = may[may.score >= may.score.max() - 0.005]
    return min(close.index, key=lambda name: sum(part.count("+") + (part != "plain") for part in name))


def named(part: str) -> str:
    return ", ".join(NAMES.get(name, name) for name in part.split("+"))


def signed(value: float) -> str:
    if pd.isna(value):
        return "not run"
    return ("+" if value >= 0 else "-") + short(abs(value))


def _lines(rows: pd.DataFrame, chosen: tuple[str, str] | None) -> str:
    scores, against = ("score", "real", "simulated"), ("worst real", "known", "worst simulated")
    lines = [["training", "prediction", *scores, *against, "harmless"]]
    for name, line in rows.iterrows():
        marks = [f"**{named(part)}**" if name == chosen else named(part) for part in name]
        scores = [short(line[key]) if pd.notna(line[key]) else "not run" for key in ("score", "real", "simulated")]
        against = [signed(line[key]) for key in ("worst_real", "known", "worst_simulated")]
        lines.append([*marks, *scores, *against, "yes" if line.harmless else "no"])
    return markdown(lines)


def inductive() -> str:
    return _lines(table()[table().inductive], choice(table()))


def _together(rows: pd.DataFrame, n_best: int, n_harmless: int) -> str:
    """The highest means of those that use a laboratory's images together, then those that harm no real laboratory."""
    together = rows[~rows.inductive].sort_values("real", ascending=False)
    shown = pd.concat([together.head(n_best), together[together.harmless].head(n_harmless)])
    lines = [["training", "prediction", "real", "worst real", "known", "harmless"]]
    for name, line in shown[~shown.index.duplicated()].iterrows():
        told = [short(line.real), signed(line.worst_real), signed(line.known), "yes" if line.harmless else "no"]
        lines.append([*map(named, name), *told])
    return markdown(lines)


def transductive() -> str:
    return _together(table(), 8, 3)


def inductive_again() -> str:
    return _lines(again()[again().inductive], choice(again()))


def transductive_again() -> str:
    rows = again()
    return _together(rows, 6, len(rows))


def outcome_again() -> str:
    chosen = choice(again())
    assert chosen == choice(table()), "another one than in the fifth round: tell it, and take it"
    line, together = again().loc[chosen], again()[~again().inductive & again().harmless]
    scores = tuned().pivot_table("f1_macro_min10", "laboratory", ["training", "prediction"])
    best = together.real.idxmax()
    gains = {which: (scores[which] - scores[REFERENCE]).to_numpy() for which in (chosen, best)}
    (low, high), to_best = (paired_interval(each) for each in gains.values())
    return (
        f"**The same candidate is chosen**: {named(chosen[0])} in training, {named(chosen[1])} in prediction. Mean "
        f"over the five real laboratories {short(line.real)} against {short(scores[REFERENCE].mean())}: "
        f"{signed(gains[chosen].mean())} ({signed(low)} to {signed(high)}); worst laboratory "
        f"{signed(line.worst_real)}, known {signed(line.known)}. Of those that use all images of a laboratory "
        f"together, {named(best[1])} after the same training has the highest mean and harms none: "
        f"{short(together.real.max())}, {signed(gains[best].mean())} ({signed(to_best[0])} to {signed(to_best[1])}), "
        f"worst {signed(together.worst_real[best])}."
    )


def laboratories() -> str:
    scores = real().pivot_table("f1_macro_min10", "laboratory", ["training", "prediction"])
    shown = {"ERM": REFERENCE, "chosen": choice(table()), "fourth round": FOURTH}
    together = table()[~table().inductive & table().harmless]
    shown["best harmless transduction"] = together.real.idxmax()
    lines = [["left out", "images", *shown]]
    images = real().groupby("laboratory").n_images.first()
    for name in LABORATORIES:
        lines.append([name, f"{images[name]:,}", *(short(scores.loc[name, each]) for each in shown.values())])
    lines.append(["**mean**", "", *(f"**{short(scores[each].mean())}**" for each in shown.values())])
    return markdown(lines)


def outcome() -> str:
    chosen = choice(table())
    line, erm, fourth = (table().loc[name] for name in (chosen, REFERENCE, FOURTH))
    together = table()[~table().inductive & table().harmless]
    return (
        f"**Chosen: {named(chosen[0])} in training, {named(chosen[1])} in prediction.** Over the five real "
        f"laboratories its mean is {short(line.real)}, ERM's {short(erm.real)} ({signed(line.real - erm.real)}); in "
        f"the laboratory where it compares worst, {signed(line.worst_real)}. Over the simulated ones "
        f"{short(line.simulated)} and {short(erm.simulated)}. The ingredients of the fourth round reach "
        f"{short(fourth.real)} on real cells, and lose {short(-fourth.worst_real)} in one laboratory. Of the "
        "candidates that use all images of a laboratory together, the best one that harms no real laboratory reaches "
        f"{short(together.real.max())}."
    )


READINGS = {
    "ERM": ("plain", "plain"),
    "CORAL": ("coral", "plain"),
    "DANN": ("dann", "plain"),
    "BoDA": ("boda", "plain"),
    "BoDA, authors": ("boda_authors", "plain"),
    "BoDA, scaled": ("boda_scaled", "plain"),
    "BoDA+": ("boda_plus", "plain"),
    "the recommended recipe, with its former rate of .0009": ("strong+od_rescale+class_balanced", "tta+even_mix"),
}
"""Rows of the methods' table -> (training, prediction)."""

TUNED = {
    "**the recommended recipe**": ("strong+od_rescale+class_balanced", "tta+even_mix"),
    "the same training, the mix of classes estimated": (
        "strong+od_rescale+class_balanced",
        "tta+adabn_balanced+class_mix_held_back",
    ),
}
"""The last rows, with the rate of the methods."""


def methods() -> str:
    lines = [["", *LABORATORIES, "mean", "against ERM, 95 % interval", "worst", "known"]]
    for rows, readings in ((pd.read_csv(ROWS / "methods_real.csv"), READINGS), (tuned(), TUNED)):
        scores = rows.pivot_table("f1_macro_min10", "laboratory", ["training", "prediction"]).loc[list(LABORATORIES)]
        known = rows.groupby(["training", "prediction"]).known_f1_macro.mean()
        for name, which in readings.items():
            gain = (scores[which] - scores[REFERENCE]).to_numpy()
            low, high = paired_interval(gain) if gain.any() else (0, 0)
            told = f"{signed(gain.mean())} ({signed(low)} to {signed(high)})" if gain.any() else ""
            each = [short(value) for value in scores[which]]
            worst = signed(gain.min()) if gain.any() else ""
            lines.append([name, *each, short(scores[which].mean()), told, worst, short(known[which])])
    return markdown(lines)


def grid() -> str:
    rows = pd.read_csv(ROWS / "erm_grid.csv").pivot_table("f1_macro", "learning_rate", "bn_momentum")
    lines = [["learning rate", *(f"momentum {momentum:g}" for momentum in rows.columns)]]
    return markdown([*lines, *([f"{rate:g}", *map(short, line)] for rate, line in rows.iterrows())])


TABLES = [
    *(inductive, transductive, laboratories, outcome, methods, grid),
    *(inductive_again, transductive_again, outcome_again),
]


@pytest.mark.parametrize("part", TABLES, ids=lambda part: part.__name__)
def test_the_page_shows_the_rows_beside_it(part):
    assert found(PAGE, part.__name__) == part(), "run `python tests/house/test_fifth_round.py` to write it anew"


def test_every_candidate_was_scored_in_every_laboratory():
    each = real().groupby(["training", "prediction"]).laboratory.nunique()
    assert set(real().laboratory) == set(LABORATORIES) and (each == len(LABORATORIES)).all()
    drawn = simulated().groupby(["training", "prediction"]).laboratory.nunique()
    assert (drawn == len(RANDOM)).all()
    may = table()[table().inductive & table().harmless]
    assert may.score.notna().all(), "a candidate that could be chosen was not scored in simulated laboratories"


def test_erm_is_the_same_network_in_both_tuned_tables():
    """Trained twice, with the same seed: the rows of the methods and those of the rule applied again."""
    rows = [pd.read_csv(ROWS / "methods_real.csv"), tuned()]
    erm = [each[(each.training == "plain") & (each.prediction == "plain")].set_index("laboratory") for each in rows]
    assert (erm[0].f1_macro_min10 - erm[1].f1_macro_min10).abs().max() < 0.02


def test_the_recommended_recipe_is_the_one_that_the_rule_chose():
    training, prediction = choice(again())
    wanted = {NAMES.get(name, name) for part in (training, prediction) for name in part.split("+")} - {"none"}
    assert set(RECOMMENDED_RECIPE) == wanted | {"high_lr"}
    assert not RECOMMENDED_RECIPE.transductive and prediction in INDUCTIVE


if __name__ == "__main__":
    write_anew(PAGE, TABLES)
