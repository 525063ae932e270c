"""Figures of class imbalance: long tails, who is recognised, and who teaches a network."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import class_colour, label_of, legend, styled, with_alt
from wbc_tutorial.data.counts import imbalance_ratio, shot_groups
from wbc_tutorial.evaluation.metrics import f1_scores

__all__ = ["cumulative_share", "gradient_shares", "long_tail", "majority_vote", "pull_and_push", "recall_by_count"]


def cumulative_share(counts: Mapping[str, Sequence[int]]) -> Figure:
    """Draw what share of a set's images its 1, 2, 3, ... largest classes hold.

    Parameters
    ----------
    counts : mapping of str to sequence of int
        Set -> images per class; one without images is a level line at 0.
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.4))
    n_classes = max(len(row) for row in counts.values())
    axis.plot((0, n_classes), (0, 1), color="0.6", linestyle=(0, (1, 2)), label="all classes alike")
    for style, (name, row) in styled(counts.items()):
        shares = np.cumsum(np.sort(row)[::-1]) / max(np.sum(row), 1)
        axis.plot(
            range(len(row) + 1), [0, *shares], marker=style.marker, color=style.colour, linestyle=style.linestyle,
            label=label_of(name),
        )  # fmt: skip
    axis.set(xlabel="the k largest classes", ylabel="share of all images", xlim=(0, n_classes), ylim=(0, 1.03))
    legend(axis)
    told = [f"{name} {np.sort(row)[-3:].sum() / max(np.sum(row), 1):.0%}" for name, row in counts.items()]
    return with_alt(figure, f"Share of all images in the k largest classes; the three largest hold: {', '.join(told)}.")


def _shade_shots(axis: Axes, groups: np.ndarray) -> None:
    """Name the shot group over each run of classes; medium-, few- and zero-shot classes stand on grey."""
    x = np.arange(len(groups))
    for group, shade in (("many", "1"), ("medium", "0.92"), ("few", "0.84"), ("zero", "0.7")):
        if (here := x[groups == group]).size:
            axis.axvspan(here[0] - 0.5, here[-1] + 0.5, color=shade, zorder=0, linewidth=0)
            axis.text(here.mean(), 1.2, group, ha="center", color="0.3")


def recall_by_count(
    counts: np.ndarray, recalls: Mapping[str, np.ndarray], classes: Sequence[str], codes: Sequence[str]
) -> Figure:
    """Draw the recall of each class, largest class first; few- and medium-shot classes stand on grey.

    Parameters
    ----------
    counts : int (C,)
        Images per class.
    recalls : mapping of str to float (C,)
        A panel each: title -> recall per class; NaN (no image to test) is written as a dash.
    classes, codes : sequence of C str
    """
    counts = np.asarray(counts)
    order = np.argsort(-counts, kind="stable")
    groups, x = shot_groups(counts)[order], np.arange(len(order))
    figure, axes = plt.subplots(len(recalls), 1, figsize=(10, 0.8 + 2.7 * len(recalls)), sharex=True, squeeze=False)
    colours = [class_colour(classes[c]) for c in order]
    for axis, (title, values) in zip(axes[:, 0], recalls.items(), strict=True):
        _shade_shots(axis, groups)
        shown = np.asarray(values, dtype=float)[order]
        axis.bar(x, np.nan_to_num(shown), color=colours, edgecolor="black", linewidth=0.5)
        for place, value in zip(x, shown, strict=True):
            text = "–" if np.isnan(value) else f"{value:.2f}"
            axis.text(place, np.nan_to_num(value) + 0.03, text, ha="center")
        axis.set(xlim=(-0.5, len(x) - 0.5), ylim=(0, 1.36), yticks=(0, 0.5, 1), ylabel="recall", title=title, xticks=x)
        axis.set_xticklabels([f"{codes[c]}\n{counts[c]}" for c in order])
    axes[-1, 0].set_xlabel("class, and how many images it has")
    told = []
    for title, values in recalls.items():
        means = [f"{g}-shot {np.nanmean(np.asarray(values, dtype=float)[order][groups == g]):.2f}"
                 for g in dict.fromkeys(groups.tolist())
                 if not np.isnan(np.asarray(values, dtype=float)[order][groups == g]).all()]  # fmt: skip
        told.append(f"{title}: {', '.join(means)}")
    return with_alt(figure, f"Recall of each class, largest class first; mean by group. {'; '.join(told)}.")


def pull_and_push(
    pull: np.ndarray, push: np.ndarray, classes: Sequence[str], codes: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw, per class, what its own images do for its logit (pull up) and what all others do against it (push).

    Parameters
    ----------
    pull, push : float (C,)
        Sums of absolute gradients, above 0.
    classes, codes : sequence of C str
    title : str, default=""
    """
    figure, axis = plt.subplots(figsize=(10, 4))
    x = np.arange(len(classes))
    axis.bar(x - 0.2, pull, 0.4, color=[class_colour(c) for c in classes], edgecolor="black", linewidth=0.5)
    axis.bar(x + 0.2, push, 0.4, color="0.85", edgecolor="black", linewidth=0.5, hatch="///")
    axis.bar(0, 0, color="white", edgecolor="black", label="pull: its own images, up")
    axis.bar(0, 0, color="0.85", edgecolor="black", hatch="///", label="push: all other images, down")
    axis.set(yscale="log", xticks=x, xticklabels=codes, ylabel="sum of |gradient|", title=title)
    axis.set_ylim(min(pull.min(), push.min()) / 2, max(pull.max(), push.max()) * 8)
    axis.legend(ncols=2, loc="upper center")
    return with_alt(
        figure,
        f"Pull and push on the logit of each class, log axis. The pull runs from {pull.min():,.0f} to "
        f"{pull.max():,.0f}, the push from {push.min():,.0f} to {push.max():,.0f}. For {int((pull > push).sum())} of "
        f"{len(codes)} classes the pull is stronger.",
    )


def gradient_shares(shares: Mapping[str, np.ndarray], image_shares: Mapping[str, float]) -> Figure:
    """Draw each group's share of the gradient over the steps; level lines: its share of the images.

    Parameters
    ----------
    shares : mapping of str to float (n_steps,)
        Group -> its share in each step.
    image_shares : mapping of str to float
        The same keys.
    """
    figure, axis = plt.subplots(figsize=(9.5, 4))
    for style, (name, values) in styled(shares.items()):
        every = max(1, len(values) // 8)
        look = {"color": style.colour, "marker": style.marker, "linestyle": style.linestyle}
        axis.plot(values, markevery=every, label=label_of(name), **look)
        axis.axhline(image_shares[name], color=style.colour, linestyle=(0, (1, 2)), linewidth=1.5)
    axis.plot([], [], color="0.4", linestyle=(0, (1, 2)), label="share of the images")
    axis.set(xlabel="step", ylabel="share of the gradient", ylim=(0, 1))
    legend(axis)
    told = [f"{name} from {values[0]:.0%} to {values[-1]:.0%}" for name, values in shares.items()]
    return with_alt(figure, f"Share of the gradient over {len(next(iter(shares.values())))} steps: {', '.join(told)}.")


def long_tail(ratio: float, total: int, n_classes: int) -> np.ndarray:
    """Return counts that fall by the same factor from class to class; the largest is `ratio` times the smallest.

    Parameters
    ----------
    ratio : float
    total : int
        About so many images in all.
    n_classes : int

    Returns
    -------
    int (n_classes,)
        1 or more each.

    Examples
    --------
    >>> long_tail(8, 150, 4).tolist()
    [80, 40, 20, 10]
    """
    steps = ratio ** -(np.arange(n_classes) / (n_classes - 1))
    return np.maximum(1, np.round(total * steps / steps.sum())).astype(int)


def majority_vote(ratio: float, *, total: int = 1680, n_classes: int = 13) -> Figure:
    """Draw a long tail of `total` images and the scores of a classifier that always names its largest class.

    Parameters
    ----------
    ratio : float
        Of the largest class to the smallest.
    total : int, default=1680
    n_classes : int, default=13
    """
    counts = long_tail(ratio, total, n_classes)
    truth = np.repeat(np.arange(n_classes), counts)
    scores = f1_scores(truth, np.zeros_like(truth), n_classes)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=(2.2, 1))
    left.bar(np.arange(1, n_classes + 1), counts, color="C0", edgecolor="black", linewidth=0.5)
    left.set(ylim=(0, total / 2), xticks=range(1, n_classes + 1))  # the same for all ratios, so that they compare
    left.set(xlabel="class, largest first", ylabel="images")
    left.set_title(f"imbalance ratio {imbalance_ratio(counts):.0f}, {counts.sum()} images")
    right.barh((1, 0), (scores.micro, scores.macro), color=("C1", "C2"), height=0.55)
    for y, value in ((1, scores.micro), (0, scores.macro)):
        right.text(value + 0.03, y, f"{value:.2f}", va="center")
    right.set(xlim=(0, 1.1), yticks=(1, 0), yticklabels=("F1-micro", "F1-macro"), title="always the largest")
    return with_alt(
        figure,
        f"Counts of {n_classes} classes at imbalance ratio {imbalance_ratio(counts):.0f}; always naming the largest "
        f"scores F1-micro {scores.micro:.2f} and F1-macro {scores.macro:.2f}.",
    )
