"""Floor 5, the ablation: what each ingredient of a recipe adds alone, and takes away when it alone is missing."""

import numpy as np
import pandas as pd

from wbc_tutorial.ingredients import INGREDIENTS
from wbc_tutorial.ledger import KEY
from wbc_tutorial.recipes import CHOSEN, FIRST_CHOICE, PASSED_OVER, SECOND_CHOICE, THIRD_CHOICE, check_recipe
from wbc_tutorial.tables import per_run, shipped

__all__ = ["OTHERS", "gap_closed", "real_cells", "recipes_of", "selection", "simulated_cells"]


OTHERS = ("light", "stain", "grey", "test_norm", "half_norm", "averaging", "longer")
"""Ingredients that are tried alone beside those of a full recipe; those of the recipe are left out here."""


def recipes_of(full: tuple[str, ...], others: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Return the recipes of an ablation and what each is: none, each ingredient alone, all but one, all.

    Where several ingredients look at the tested laboratory's images, there is one more: ``"image by image"``, without
    any of them.

    Parameters
    ----------
    full : tuple of str
        The whole recipe.
    others : tuple of str
        Ingredients outside it that are tried alone too.

    Examples
    --------
    >>> recipes_of(("light", "physics", "balanced"))[("light", "balanced")]
    'all but physics'
    """
    full = check_recipe(full)
    names = {(): "none"} | {(name,): f"{name} alone" for name in (*full, *(n for n in others if n not in full))}
    if len(full) > 2:
        names |= {tuple(n for n in full if n != name): f"all but {name}" for name in full}
    blind = tuple(name for name in full if not INGREDIENTS[name].adapt)
    if 1 < len(blind) < len(full) - 1:
        names |= {blind: "image by image"}
    return names | ({full: "all"} if len(full) > 1 else {})


def real_cells() -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the shipped rows of ERM and BoDA on ``open5``, and what each recipe is.

    Returns
    -------
    rows : DataFrame
        As `gap_closed` takes them: first without a recipe, then the ablation of `recipes.CHOSEN`, last earlier choices.
    names : dict
        Recipe, ingredients joined by ``+`` -> its name, in the order of the rows.
    """
    choices = {THIRD_CHOICE: "the third choice", SECOND_CHOICE: "the second choice"}
    choices |= {PASSED_OVER: "passed over: with grey", FIRST_CHOICE: "the first choice"}
    ledgers = ("ablation", "third_recipe", "second_recipe", "first_recipe")
    rows = pd.concat([shipped(f"open5_{name}") for name in ledgers])
    return _beside_none(rows, shipped("open5").query("method in ['erm', 'boda']"), recipes_of(CHOSEN) | choices)


def simulated_cells() -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the shipped rows on ``simulated``, seed 0 and two folds, as `real_cells` does; CORAL without a recipe."""
    rows = pd.concat([shipped(f"simulated_{name}") for name in ("ablation", "third_recipe")])
    plain = shipped("simulated").query("seed == 0 and fold < 2 and method in ['erm', 'coral', 'boda']")
    return _beside_none(rows, plain, recipes_of(CHOSEN, OTHERS) | {THIRD_CHOICE: "the third choice"})


def selection() -> pd.DataFrame:
    """Return the shipped rows of each of `recipes.CANDIDATES`, scored on each training laboratory when left out."""
    return pd.concat([shipped(f"open5_{name}") for name in ("selection", "fourth_selection")])


def _beside_none(rows: pd.DataFrame, plain: pd.DataFrame, recipes: dict[tuple, str]) -> tuple[pd.DataFrame, dict]:
    """Put the rows of named recipes below those without one, in the order of the names; of two of a run the first."""
    names = {"+".join(recipe) or "none": name for recipe, name in recipes.items()}
    rows = pd.concat([plain.assign(recipe="none"), rows]).drop_duplicates([*KEY, "recipe"])
    return pd.concat([rows[rows.recipe == recipe] for recipe in names]), names


def gap_closed(
    rows: pd.DataFrame,
    metric: str = "f1_macro",
    *,
    split: str = "unseen",
    best: float | None = None,
    n_resamples: int = 9999,
) -> pd.DataFrame:
    """Say how much of the fall from known to unseen laboratories each recipe undoes.

    ``gap closed = (u - e) / (b - e)``: u the unseen score of a method with a recipe, e that of ERM without one, both
    averaged over laboratories and runs (fold, seed); b the best in-domain score of any method and recipe with as
    many runs as e. 0 is ERM, 1 an unseen laboratory read as well as a known one. The interval is the middle 95 % over
    runs drawn with replacement; u and e are taken from the same runs.

    Parameters
    ----------
    rows : DataFrame
        Rows of ledgers with a column ``recipe``, ingredients joined by ``+``, ``"none"`` without any.
    metric : str
    split : str
        ``"unseen"``, or ``"left_out"`` for a training laboratory in its place.
    best : float, optional
        b; None = the best in `rows` of those with as many runs as ERM: a single lucky one sets no scale.
    n_resamples : int

    Returns
    -------
    DataFrame
        Indexed by recipe and method: ``known, unseen`` (means), ``closed, low, high`` (limits NaN for one run),
        ``runs``.

    Raises
    ------
    ValueError
        Without ERM's rows for the recipe ``"none"``, or when the in-domain score is not above ERM's unseen one.

    Examples
    --------
    >>> rows = pd.DataFrame({"recipe": ["none", "none", "light", "light"], "method": "erm", "fold": 0, "seed": 0,
    ...     "domain": ["a", "b"] * 2, "split": ["in_domain", "unseen"] * 2, "f1_macro": [0.9, 0.3, 0.8, 0.6]})
    >>> f"{gap_closed(rows).closed.loc['light', 'erm']:.2f}"
    '0.50'
    """
    known, unseen = (_runs(rows, which, metric) for which in ("in_domain", split))
    if ("none", "erm") not in unseen.columns:
        raise ValueError(f"no {split} row of ERM with the recipe 'none': the gap is counted from there")
    baseline = unseen[("none", "erm")]
    if best is None:
        best = known.loc[:, known.count() >= baseline.count()].mean().max()
    if not best > baseline.mean():
        raise ValueError(
            f"{metric} is {best:.3f} in-domain and {baseline.mean():.3f} {split}: there is no gap to close"
        )
    generator, lines = np.random.default_rng(0), {}
    for name in unseen.columns:
        pairs = pd.concat([unseen[name], baseline], axis=1, keys=["u", "e"]).dropna().to_numpy()
        if not len(pairs):
            raise ValueError(f"{name[0]} with {name[1]} shares no fold and seed with ERM without a recipe")
        gain, gap = pairs[:, 0] - pairs[:, 1], best - pairs[:, 1]
        low = high = np.nan
        if len(pairs) > 1:
            drawn = generator.integers(len(pairs), size=(n_resamples, len(pairs)))
            low, high = np.quantile(gain[drawn].sum(axis=1) / gap[drawn].sum(axis=1), (0.025, 0.975))
        line = {"known": known[name].mean(), "unseen": unseen[name].mean(), "closed": gain.sum() / gap.sum()}
        lines[name] = line | {"low": low, "high": high, "runs": len(pairs)}
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis(["recipe", "method"]).astype({"runs": int})


def _runs(rows: pd.DataFrame, split: str, metric: str) -> pd.DataFrame:
    """One line per (fold, seed), one column per (recipe, method): the mean over the split's laboratories."""
    parts = {recipe: per_run(part, split, (metric,)) for recipe, part in rows.groupby("recipe", sort=False)}
    runs = pd.concat(parts, names=["recipe"]).reset_index()
    return runs.pivot_table(metric, ["fold", "seed"], ["recipe", "method"], sort=False)
