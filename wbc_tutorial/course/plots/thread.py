"""Figures of the course's thread: the eight cells with what models say of them, and two falls side by side."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import LETTER, class_code, label_of, legend, styled, with_alt
from wbc_tutorial.data.cell_images import CellImages

__all__ = ["named_cells", "two_falls"]

_RIGHT, _WRONG = ("#e3f3e8", "#1a5c2e", "✓"), ("#fbe4e1", "#8f1d14", "✗")


def named_cells(cells: CellImages, answers: Mapping[str, np.ndarray], *, title: str = "", side: float = 1.35) -> Figure:
    """Draw cells in a row under their true names, and below them a row of each model's answers.

    A right answer is green with a tick, a wrong one red with a cross. Where probabilities or logits are given, the
    model's probability for its answer stands beside it.

    Parameters
    ----------
    cells : CellImages
        A few, such as `wbc_tutorial.course_cells`.
    answers : mapping of str to int (N,) or float (N, C)
        Name of the model -> its classes, or its logits or probabilities. An empty mapping draws the cells alone.
    title : str, default=""
    side : float, default=1.35
        Of an image, in inches.

    Raises
    ------
    ValueError
        Another number of answers than of cells.
    """
    said = {name: _classes_and_confidence(values, len(cells), name) for name, values in answers.items()}
    names = [label_of(name, 16) for name in said]
    n, height = len(cells), side * 0.4
    left = LETTER * max((len(line) for name in names for line in name.split("\n")), default=0) + 0.3 if names else 0.1
    figure, axes = plt.subplots(
        1 + len(said),
        n,
        figsize=(left + side * n, side + 0.35 + height * len(said) + (0.35 if title else 0)),
        height_ratios=[side, *[height] * len(said)],
        squeeze=False,
    )
    true = [class_code(cells.classes[label]) for label in cells.labels]
    for axis, image, code in zip(axes[0], cells.images[:], true, strict=True):
        axis.imshow(image.transpose(1, 2, 0))
        axis.set_title(code, fontsize=13, loc="center")
        axis.axis("off")
    for row, label, (classes, confidence) in zip(axes[1:], names, said.values(), strict=True):
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for axis, code, c, p in zip(row, true, classes, confidence, strict=True):
            _answer(axis, class_code(cells.classes[c]), code, p)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    if title:
        top = figure.get_figheight()
        figure.suptitle(title, x=0.01, y=1 - 0.05 / top, va="top", ha="left", fontsize=14)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.35 / top))
    return with_alt(figure, _in_words(cells, true, said))


def _answer(axis: Axes, code: str, true: str, confidence: float) -> None:
    """Fill one square with a model's answer for one cell."""
    ground, ink, sign = _RIGHT if code == true else _WRONG
    axis.set(xticks=[], yticks=[], facecolor=ground)
    axis.spines[:].set_visible(False)
    number = "" if np.isnan(confidence) else f" {confidence:.2f}".replace("0.", ".")
    axis.text(0.5, 0.5, f"{sign} {code}{number}", ha="center", va="center", color=ink, transform=axis.transAxes)


def _classes_and_confidence(values, n: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a class and a probability for each cell; the probability is NaN where only classes are known."""
    values = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if len(values) != n or values.ndim not in (1, 2):
        raise ValueError(f"{name}: answers of shape {values.shape} for {n} cells; expected ({n},) or ({n}, classes)")
    if values.ndim == 1:
        return values.astype(int), np.full(n, np.nan)
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=1e-3):  # logits
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values = values / values.sum(axis=1, keepdims=True)
    return values.argmax(axis=1), values.max(axis=1)


def _in_words(cells: CellImages, true: list[str], said: Mapping[str, tuple]) -> str:
    words = [f"{len(cells)} simulated cells photographed in {', '.join(cells.domain_names)}: {', '.join(true)}."]
    for name, (classes, _) in said.items():
        given = [class_code(cells.classes[c]) for c in classes]
        wrong = [f"{t} named {g}" for t, g in zip(true, given, strict=True) if t != g]
        right = len(true) - len(wrong)
        words.append(f"{name}: {right} of {len(true)} right" + (f", {', '.join(wrong)}." if wrong else "."))
    return " ".join(words)


def two_falls(scores: Mapping[str, tuple[int, int]], *, n: int = 10) -> Figure:
    """Draw how many cells each named right in a known laboratory and in an unseen one.

    Parameters
    ----------
    scores : mapping of str to (int, int)
        Who -> right in the known laboratory, right in the unseen one.
    n : int, default=10
        Cells of each laboratory.
    """
    figure, axis = plt.subplots(figsize=(8, 4))
    for style, (who, ends) in styled(scores.items()):
        axis.plot((0, 1), ends, marker=style.marker, color=style.colour, linestyle=style.linestyle, markersize=11,
                  linewidth=2.5, label=f"{who}, {ends[0]} then {ends[1]}")  # fmt: skip
    axis.set(xlim=(-0.25, 1.25), ylim=(-0.3, n + 0.5), xticks=(0, 1), ylabel=f"right, of {n}")
    axis.set_xticklabels(("known laboratory", "unseen laboratory"))
    legend(axis)
    words = [f"{who} {known} of {n}, then {unseen} of {n}" for who, (known, unseen) in scores.items()]
    return with_alt(figure, f"Cells named right in the known and in the unseen laboratory: {'; '.join(words)}.")
