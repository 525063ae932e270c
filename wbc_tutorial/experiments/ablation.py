"""The ablation: what each ingredient of a recipe adds alone, and takes away when it alone is missing."""

import pandas as pd

from wbc_tutorial.experiments.recipes import RECOMMENDED_RECIPE, Recipe
from wbc_tutorial.experiments.tables import over_folds, per_run, shipped

__all__ = ["ablated", "gap_closed", "gap_runs", "real_cells"]

KEPT = ("high_lr",)
"""In every recipe of the shipped ablation, "none" included: all of them have one learning rate."""

TOGETHER = ("adabn_balanced", "t3a", "label_spreading")
"""Tried alone in the shipped ablation though the recipe lacks them: they use all images of a laboratory."""


def ablated(full: Recipe, others: tuple[str, ...] = (), kept: tuple[str, ...] = ()) -> dict[str, Recipe]:
    """Return the recipes of an ablation by name: none, each ingredient alone, all but one, image by image, all.

    ``"image by image"`` is the recipe without the ingredients that use all images of the tested laboratory together;
    it is there when the recipe has several of those.

    Parameters
    ----------
    full : Recipe
        The whole recipe.
    others : tuple of str, default=()
        Ingredients outside it that are tried alone too.
    kept : tuple of str, default=()
        Ingredients that stand in all of these, "none" included, and are not varied.

    Examples
    --------
    >>> ablated(Recipe("white_balance,stain_augment,class_balanced"))["all but stain_augment"]
    Recipe('white_balance+class_balanced')
    >>> ablated(Recipe("white_balance,tta,high_lr"), kept=("high_lr",))["tta alone"]
    Recipe('tta+high_lr')
    """
    varied = full.without(*(name for name in kept if name in full))
    alone = (*varied, *(name for name in others if name not in full))
    recipes = {"none": Recipe()} | {f"{name} alone": Recipe(name) for name in alone}
    if len(varied) > 2:
        recipes |= {f"all but {name}": varied.without(name) for name in varied}
    if 1 < len(varied.transductive) < len(varied) - 1:
        recipes |= {"image by image": varied.without(*varied.transductive)}
    recipes |= {"all": varied} if len(varied) > 1 else {}
    return {name: Recipe((*recipe, *kept)) for name, recipe in recipes.items()}


def real_cells() -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the shipped ablation of the recommended recipe on ``open5``: ERM, all with the learning rate of `KEPT`.

    Returns
    -------
    rows : DataFrame
        As `gap_closed` takes them; first those without a recipe.
    names : dict
        Recipe, ingredients joined by ``+`` and without `KEPT` -> its name, in the order of the rows.
    """
    recipes = ablated(RECOMMENDED_RECIPE, TOGETHER, KEPT)
    short = {str(recipe): str(recipe.without(*KEPT)) for recipe in recipes.values()}
    rows = shipped("open5_ablation")
    rows = rows.assign(recipe=rows.recipe.map(short))
    names = {short[str(recipe)]: name for name, recipe in recipes.items()}
    return pd.concat([rows[rows.recipe == recipe] for recipe in names]), names


def gap_closed(rows: pd.DataFrame, metric: str = "f1_macro", *, best: float | None = None) -> pd.DataFrame:
    r"""Say which fraction of the gap between known and unseen laboratories each recipe recovers.

    .. math:: \text{closed} = \frac{u - e}{b - e}

    in each run (fold, seed): :math:`u` the score of a method with a recipe on the unseen laboratories, :math:`e` that
    of ERM without a recipe, :math:`b` the best mean score on the known laboratories. 0 is ERM; 1 is an unseen
    laboratory scored like a known one. The seeds of a fold are averaged; mean and interval are over the folds, as in
    `wbc_tutorial.paired_interval`.

    Parameters
    ----------
    rows : DataFrame
        Rows of results, with the recipe ``"none"`` and others.
    metric : str, default="f1_macro"
    best : float, default=None
        b; None = the best mean of a method and recipe in `rows` with as many runs as ERM has without one: a single
        lucky run sets no scale.

    Returns
    -------
    DataFrame
        Indexed by recipe and method: ``known``, ``unseen`` (mean scores), ``closed``, ``low``, ``high`` (95 % interval;
        NaN for fewer than three folds), ``runs``.

    Raises
    ------
    ValueError
        Without ERM's rows for the recipe ``"none"``, or when b is not above all of ERM's unseen scores.

    See Also
    --------
    gap_runs : the points, run by run.
    real_cells : shipped rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"recipe": ["none", "none", "tta", "tta"], "method": "erm", "fold": 0, "seed": 0,
    ...     "domain": ["a", "b"] * 2, "split": ["in_domain", "unseen"] * 2, "f1_macro": [0.9, 0.3, 0.8, 0.6]})
    >>> f"{gap_closed(rows).closed.loc['tta', 'erm']:.2f}"
    '0.50'
    """
    known, unseen = (_runs(rows, split, metric) for split in ("in_domain", "unseen"))
    shares = _shares(known, unseen, metric, best)
    lines = {}
    for name in unseen.columns:
        closed = over_folds(shares[name])
        if not closed["runs"]:
            raise ValueError(f"{name[0]} with {name[1]} shares no fold and seed with ERM without a recipe")
        line = {"known": known[name].mean(), "unseen": unseen[name].mean(), "closed": closed["mean"]}
        lines[name] = line | {key: closed[key] for key in ("low", "high", "runs")}
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis(["recipe", "method"]).astype({"runs": int})


def gap_runs(rows: pd.DataFrame, metric: str = "f1_macro", *, best: float | None = None) -> pd.DataFrame:
    """Return the same fraction run by run: the points whose mean `gap_closed` takes.

    Parameters
    ----------
    rows, metric, best
        As `gap_closed` takes them.

    Returns
    -------
    DataFrame
        A line per (fold, seed), a column per (recipe, method); NaN where there is no such run.
    """
    known, unseen = (_runs(rows, split, metric) for split in ("in_domain", "unseen"))
    return _shares(known, unseen, metric, best)


def _shares(known: pd.DataFrame, unseen: pd.DataFrame, metric: str, best: float | None) -> pd.DataFrame:
    """Divide each run's gain over ERM by ERM's gap to the best on known laboratories."""
    if ("none", "erm") not in unseen.columns:
        raise ValueError("no unseen row of ERM with the recipe 'none': the gap is counted from there")
    erm = unseen[("none", "erm")]
    if best is None:
        best = known.loc[:, known.count() >= erm.count()].mean().max()
    if not best > erm.max():
        raise ValueError(
            f"{metric} is {best:.3f} on known laboratories and up to {erm.max():.3f} on unseen ones: there is no gap "
            "to close"
        )
    return unseen.sub(erm, axis=0).div(best - erm, axis=0)


def _runs(rows: pd.DataFrame, split: str, metric: str) -> pd.DataFrame:
    """One line per (fold, seed), one column per (recipe, method): the mean over the split's laboratories."""
    parts = {recipe: per_run(part, split, (metric,)) for recipe, part in rows.groupby("recipe", sort=False)}
    runs = pd.concat(parts, names=["recipe"]).reset_index()
    return runs.pivot_table(metric, ["fold", "seed"], ["recipe", "method"], sort=False)
