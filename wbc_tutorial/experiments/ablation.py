"""The ablation: what each ingredient of a recipe adds alone, and takes away when it alone is missing."""

import numpy as np
import pandas as pd

from wbc_tutorial.experiments.recipes import CHOSEN_RECIPE, Recipe
from wbc_tutorial.experiments.tables import per_run, shipped

__all__ = ["OTHERS", "ablated", "gap_closed", "real_cells", "simulated_cells"]

OTHERS = ("white_balance", "reinhard", "grayscale", "adabn", "adabn_mixed", "ema", "double_steps")
"""Ingredients outside the chosen recipe that are tried alone beside it."""


def ablated(full: Recipe, others: tuple[str, ...] = ()) -> dict[str, Recipe]:
    """Return the recipes of an ablation by name: none, each ingredient alone, all but one, image by image, all.

    ``"image by image"`` is the recipe without the ingredients that use all images of the tested laboratory together;
    it is there when the recipe has several of those.

    Parameters
    ----------
    full : Recipe
        The whole recipe.
    others : tuple of str, default=()
        Ingredients outside it that are tried alone too.

    Examples
    --------
    >>> ablated(Recipe("white_balance,stain_augment,class_balanced"))["all but stain_augment"]
    Recipe('white_balance+class_balanced')
    """
    alone = (*full, *(name for name in others if name not in full))
    recipes = {"none": Recipe()} | {f"{name} alone": Recipe(name) for name in alone}
    if len(full) > 2:
        recipes |= {f"all but {name}": full.without(name) for name in full}
    if 1 < len(full.transductive) < len(full) - 1:
        recipes |= {"image by image": full.without(*full.transductive)}
    return recipes | ({"all": full} if len(full) > 1 else {})


def real_cells() -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the shipped ablation of the chosen recipe on ``open5``, with ERM and BoDA.

    Returns
    -------
    rows : DataFrame
        As `gap_closed` takes them; first those without a recipe.
    names : dict
        Recipe, ingredients joined by ``+`` -> its name, in the order of the rows.
    """
    plain = shipped("open5").query("method in ['erm', 'boda']")
    return _beside_none(shipped("open5_ablation"), plain, ablated(CHOSEN_RECIPE))


def simulated_cells() -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the shipped rows on ``simulated``, seed 0 and two folds, as `real_cells` does; CORAL without a recipe."""
    plain = shipped("simulated").query("seed == 0 and fold < 2 and method in ['erm', 'coral', 'boda']")
    return _beside_none(shipped("simulated_ablation"), plain, ablated(CHOSEN_RECIPE, OTHERS))


def _beside_none(rows: pd.DataFrame, plain: pd.DataFrame, recipes: dict[str, Recipe]) -> tuple[pd.DataFrame, dict]:
    """Put the rows without a recipe before the others, and those in the order of the names."""
    names = {str(recipe): name for name, recipe in recipes.items()}
    rows = pd.concat([plain.assign(recipe="none"), rows])
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
    >>> rows = pd.DataFrame({"recipe": ["none", "none", "tta", "tta"], "method": "erm", "fold": 0, "seed": 0,
    ...     "domain": ["a", "b"] * 2, "split": ["in_domain", "unseen"] * 2, "f1_macro": [0.9, 0.3, 0.8, 0.6]})
    >>> f"{gap_closed(rows).closed.loc['tta', 'erm']:.2f}"
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
