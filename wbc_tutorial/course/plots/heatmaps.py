"""Figures that are tables of numbers in colour: confusion matrices, counts of pairs, and any table from 0 to 1."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import (
    IN_CELL,
    LETTER,
    any_script,
    class_code,
    ink_on,
    label_of,
    lineage_order,
    widest,
    with_alt,
)

__all__ = ["confusion_matrix", "confusion_pair", "confusion_shares", "heatmap", "pair_grid"]


def _table(
    axis: Axes, shown: np.ndarray, written: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, norm: Normalize
) -> QuadMesh:
    """Draw a table as colours with text in its cells; a cell whose value is NaN is hatched.

    Parameters
    ----------
    axis : Axes
    shown : float (R, C)
        Gives the colours; NaN = no such cell.
    written : str (R, C)
    rows, columns : sequence of str
    norm : Normalize
        From values to colours.
    """
    import seaborn as sns

    height, width = shown.shape
    axis.add_patch(plt.Rectangle((0, 0), width, height, fc="0.93", ec="0.6", hatch="///", lw=0, zorder=0))
    axis.figure.set_visible(False)  # seaborn draws the whole figure to see whether names overlap: nothing, and at once
    with any_script():
        sns.heatmap(
            shown, mask=np.isnan(shown), annot=written, fmt="", annot_kws={"size": IN_CELL}, norm=norm, cmap="Blues",
            cbar=False, xticklabels=columns, yticklabels=rows, ax=axis,
        )  # fmt: skip
    axis.figure.set_visible(True)
    (mesh,) = axis.collections
    for text in axis.texts:
        column, row = map(int, text.get_position())
        text.set_color(ink_on(mesh.cmap(norm(shown[row, column]))))
    axis.tick_params(length=0)
    axis.set_yticklabels(axis.get_yticklabels(), rotation=0)
    return mesh


def heatmap(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    label: str = "",
    fmt: str = "{:.2f}",
) -> Figure:
    """Draw a table of numbers in [0, 1] as colours with the numbers in them; NaN (no such pair) is hatched.

    Parameters
    ----------
    values : float (R, C)
    rows : sequence of R str
    columns : sequence of C str
    title : str, default=""
    label : str, default=""
        Beside the colour bar.
    fmt : str, default="{:.2f}"
        How a number is written; 0 is written as "0".
    """
    values = np.asarray(values, dtype=float)
    rows, columns = [label_of(name) for name in rows], [label_of(name, 12) for name in columns]
    side = min(max(0.56, 0.13 * widest(columns)), 1.6)
    figure, axis = plt.subplots(figsize=(side * len(columns) + 3, 0.5 * len(rows) + 1.4))
    written = np.array([["0" if value == 0 else fmt.format(value) for value in row] for row in values])
    mesh = _table(axis, values, written.reshape(values.shape), rows, columns, norm=Normalize(0, 1))
    axis.set_xticklabels(columns, rotation=0)
    axis.set_title(title)
    figure.colorbar(mesh, ax=axis, label=label, fraction=0.04)
    told = f"{title or 'A table of numbers'}: {len(rows)} rows ({', '.join(rows)}) by {len(columns)} columns."
    if not np.isnan(values).all():
        r, c = np.unravel_index(np.nanargmax(values), values.shape)
        told += f" The largest number is {fmt.format(values[r, c])}, {rows[r]} and {columns[c]}."
    if np.isnan(values).any():
        told += f" {int(np.isnan(values).sum())} squares are hatched: there is nothing to measure."
    return with_alt(figure, told)


def pair_grid(counts: np.ndarray, classes: Sequence[str], domain_names: Sequence[str], *, title: str = "") -> Figure:
    """Draw N[d, c] as a grid, colour on a logarithmic scale; a pair that does not exist is hatched.

    Parameters
    ----------
    counts : int (D, C)
    classes : sequence of C str
    domain_names : sequence of D str
    title : str, default=""
    """
    counts = np.asarray(counts)
    shown = np.where(counts > 0, counts, np.nan)
    figure, axis = plt.subplots(figsize=(0.62 * len(classes) + 2.2, 0.5 * len(counts) + 1.1))
    names = [label_of(name) for name in domain_names]
    codes = [class_code(c) for c in classes]
    mesh = _table(axis, shown, counts.astype(str), names, codes, norm=LogNorm(1, max(10, counts.max())))
    axis.set_title(title)
    figure.colorbar(mesh, ax=axis, label="images", fraction=0.04)
    absent = [f"{name} {codes[c]}" for name, row in zip(names, counts, strict=True) for c in np.flatnonzero(row == 0)]
    return with_alt(
        figure,
        f"Images of {len(names)} laboratories by {len(codes)} classes, darker for more. "
        f"Hatched, no image: {', '.join(absent) or 'none'}.",
    )


def confusion_matrix(counts: np.ndarray, classes: Sequence[str], *, title: str = "") -> Figure:
    """Draw a confusion matrix: colour = share of the row (recall on the diagonal), number = images; absent hatched.

    Parameters
    ----------
    counts : int (C, C)
        Images of true class i predicted as j, as from `wbc_tutorial.confusion`.
    classes : sequence of C str
    title : str, default=""

    Raises
    ------
    ValueError
        When the matrix is not C x C.

    See Also
    --------
    confusion_pair : several methods side by side.
    """
    return confusion_pair({title: counts}, classes)


def confusion_pair(counts: Mapping[str, np.ndarray], classes: Sequence[str], *, title: str = "") -> Figure:
    """Draw the confusion matrices of two or more methods on the same images side by side, with one colour bar.

    Colour is the share of the true class (rows sum to 1; the diagonal is the recall), the number in a cell is the
    count of images, an empty cell is 0, and the row of a class that is absent from the truth is hatched.

    Parameters
    ----------
    counts : mapping of str to int (C, C)
        Name of the method -> images of true class i predicted as j, as from `wbc_tutorial.confusion`.
    classes : sequence of C str
    title : str, default=""
        Over all.

    Raises
    ------
    ValueError
        When a matrix is not C x C.
    """
    shape = len(classes), len(classes)
    tables = {name: np.asarray(matrix) for name, matrix in counts.items()}
    for name, matrix in tables.items():
        if matrix.shape != shape:
            raise ValueError(f"{name} is {matrix.shape}; expected {shape}: a row and a column per class")
    side = max(0.45 if len(classes) > 8 else 0.6, max(len(str(np.max(each))) for each in tables.values()) * 0.11)
    size = (len(counts) * (side * len(classes) + 0.8) + 1.2, side * len(classes) + 1.6)
    figure, axes = plt.subplots(1, len(counts), figsize=size, squeeze=False, layout="constrained")
    codes = [class_code(name) for name in classes]
    for axis, (name, matrix) in zip(axes[0], tables.items(), strict=True):
        n = matrix.sum(axis=1, keepdims=True)
        shares = np.divide(matrix, n, out=np.full(shape, np.nan), where=n > 0)
        mesh = _table(axis, shares, np.where(matrix > 0, matrix.astype(str), ""), codes, codes, norm=Normalize(0, 1))
        axis.set_xticklabels(codes, rotation=90)
        axis.set(xlabel="predicted", aspect="equal")
        axis.set_title(label_of(name, max(int(side * len(classes) / LETTER), 10)), loc="left")
    axes[0, 0].set_ylabel("true")
    figure.colorbar(mesh, ax=axes, label="share of the true class", fraction=0.03, pad=0.02)
    figure.suptitle(title, x=0.01, ha="left")
    told = []
    for name, matrix in tables.items():
        wrong = matrix - np.diag(np.diag(matrix))
        i, j = np.unravel_index(np.argmax(wrong), shape)
        share = np.trace(matrix) / max(matrix.sum(), 1)
        worst = f"most often {codes[i]} named {codes[j]} ({wrong[i, j]})"
        told.append(f"{name or 'the matrix'}: {share:.0%} right, {worst}")
    return with_alt(figure, f"Confusion of {len(classes)} classes. {'; '.join(told)}.")


def confusion_shares(
    counts: Mapping[str, np.ndarray], classes: Sequence[str], *, least: float = 0.05, title: str = ""
) -> Figure:
    """Draw confusion matrices side by side as per cent of each true class, the classes lineage by lineage.

    Parameters
    ----------
    counts : mapping of str to int (C, C)
        Name of the method -> images of true class i predicted as j, as from `wbc_tutorial.confusion`.
    classes : sequence of C str
    least : float, default=0.05
        A share below it has its colour and no number; the diagonal always has one.
    title : str, default=""

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        When a matrix is not C x C.

    See Also
    --------
    confusion_pair : the same with counts of images, in the order of the classes.
    """
    shape = len(classes), len(classes)
    order = sorted(range(len(classes)), key=lambda c: lineage_order(classes[c]))
    tables = {name: np.asarray(matrix) for name, matrix in counts.items()}
    for name, matrix in tables.items():
        if matrix.shape != shape:
            raise ValueError(f"{name} is {matrix.shape}; expected {shape}: a row and a column per class")
    codes = [class_code(classes[c]) for c in order]
    lineages = [lineage_order(classes[c])[0] for c in order]
    breaks = [k for k in range(1, len(order)) if lineages[k] != lineages[k - 1]]
    side = 0.42
    size = (len(tables) * (side * len(classes) + 0.7) + 1.3, side * len(classes) + 1.5)
    figure, axes = plt.subplots(1, len(tables), figsize=size, squeeze=False, layout="constrained")
    told = []
    for axis, (name, matrix) in zip(axes[0], tables.items(), strict=True):
        matrix = matrix[np.ix_(order, order)]  # noqa: PLW2901 (by lineage)
        n = matrix.sum(axis=1, keepdims=True)
        shares = np.divide(matrix, n, out=np.full(shape, np.nan), where=n > 0)
        shown = (shares >= least) | np.eye(shape[0], dtype=bool)
        written = np.where(shown & (n > 0), np.char.mod("%.0f", 100 * np.nan_to_num(shares)), "")
        mesh = _table(axis, shares, written, codes, codes, norm=Normalize(0, 1))
        for k in breaks:
            axis.axhline(k, color="0.45", linewidth=0.8)
            axis.axvline(k, color="0.45", linewidth=0.8)
        axis.set_xticklabels(codes, rotation=90)
        axis.set(xlabel="predicted", aspect="equal")
        axis.set_title(label_of(name, 40), loc="left")
        taken = np.nansum(np.where(np.eye(shape[0], dtype=bool), 0, shares), axis=0)
        told.append(f"{name}: mean recall {np.nanmean(np.diag(shares)):.0%}, {codes[int(taken.argmax())]} takes most")
    axes[0, 0].set_ylabel("true")
    bar = figure.colorbar(mesh, ax=axes, label="% of the true class", fraction=0.03, pad=0.02)
    bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
    figure.suptitle(title, x=0.01, ha="left")
    return with_alt(figure, f"Confusion matrices in per cent of each true class, by lineage. {'; '.join(told)}.")
