"""Checks of notebook 13: a covering patch, a borrowed threshold, temperature, coverage, and a patient's blasts."""

import numpy as np

from wbc_tutorial.course.exercises.answers import compare, recognise
from wbc_tutorial.course.exercises.feedback import Feedback, exercise
from wbc_tutorial.course.exercises.reading import array_in, outcome
from wbc_tutorial.course.exercises.statements import check_letters

__all__ = [
    "check_black_patch",
    "check_borrowed_threshold",
    "check_false_alarm_of_a_patient",
    "check_risk_at_coverage",
    "check_rule_of_two",
    "check_temperature",
]


@exercise("13", "the black patch", step="Compare the falls outside the cell for both fills: what is a dark disc?")
def check_black_patch(answer) -> Feedback:
    """Check which of A .. E follow when the patch of an occlusion map is black and not of the background's colour."""
    return check_letters(
        answer,
        "AC",
        "A patch hides something and adds something. A map is only as innocent as what it covers with.",
        wrong={
            "B": "the cells are the same, and so is the network. What is new in the picture?",
            "D": "the patch itself is new there. Nothing that was in the background has been shown to matter.",
            "E": "those maps have a fault of their own (the patch is too wide), but does a black one prove it?",
        },
        missing={
            "A": "what do you see outside the dashed line?",
            "C": "which part of a cell is a dark disc, to a network?",
        },
    )


@exercise("13", "a borrowed threshold", step="Where was each promise measured, and where is it to be kept?")
def check_borrowed_threshold(answer) -> Feedback:
    """Check which of A .. E the notebook supports when a threshold of known laboratories goes to a new one."""
    return check_letters(
        answer,
        "CD",
        "Confidence still sorts the cells; what its numbers promise has to be measured anew, with cells from there.",
        wrong={
            "A": "the 5 % were measured on known laboratories. Read the figure: what became of them in the unseen one?",
            "B": "compare the two lines that were printed above the gallery: did confidence and accuracy fall alike?",
            "E": "look at the table of temperatures: what did the one of known laboratories do in the unseen one?",
        },
        missing={
            "C": "what does it mean that the curve still falls to the left?",
            "D": "whose cells can show what happens in the new laboratory?",
        },
    )


_LOGITS = (((2.0, 0.0, -1.0), (0.5, 0.4, 3.0)), ((1.0, 1.0, 0.0), (-2.0, 4.0, 0.0), (0.0, 0.5, 0.2)))
_TEMPERATURES = (2.0, 0.5)


def _at_temperature(logits, t: float, wrong: str = "") -> np.ndarray:
    """Probabilities at a temperature, right or wrong in a named way."""
    z = np.asarray(logits, dtype=float)

    def softmax(x, axis=1):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    return {
        "": lambda: softmax(z / t),
        "times": lambda: softmax(z * t),
        "after": lambda: softmax(z) / t,
        "none": lambda: softmax(z),
        "columns": lambda: softmax(z / t, axis=0),
        "not normalised": lambda: np.exp(z / t),
        "logits": lambda: z / t,
        "power": lambda: softmax(z) ** (1 / t),
    }[wrong]()


@exercise("13", "temperature", step="Two lines: z = logits / t, then the softmax of each row of z.")
def check_temperature(answer) -> Feedback:
    """Check a function: logits (N, C) and a temperature -> probabilities (N, C)."""
    given = []
    for logits, t in zip(_LOGITS, _TEMPERATURES, strict=True):
        shape = np.shape(logits)
        found = outcome(answer, [(np.array(logits), t)], lambda value, shape=shape: array_in(value, shape))
        if isinstance(found, Feedback):
            return found
        given += found

    def same(wrong: str) -> bool:
        wanted = [_at_temperature(logits, t, wrong) for logits, t in zip(_LOGITS, _TEMPERATURES, strict=True)]
        return all(np.allclose(x, y, rtol=0, atol=1e-4) for x, y in zip(given, wanted, strict=True))

    return recognise(
        same,
        "No answer changes, for the largest logit stays the largest: only how sure it sounds does.",
        mistakes=[
            ("times", "A higher temperature makes answers less sure: divide by it."),
            ("after", "Divide the logits, before the softmax; otherwise the row no longer sums to 1."),
            ("power", "That is nearly it: each row still has to be divided by its sum."),
            ("none", "The temperature has no effect here: divide the logits by it."),
            ("columns", "The softmax runs over the classes of one image: along axis 1."),
            ("not normalised", "Divide each row by its sum, so that it sums to 1."),
            ("logits", "These are scaled logits; the softmax is missing."),
        ],
        otherwise="Divide the logits by t, subtract each row's largest, take exp, and divide each row by its sum.",
    )


_SURE = (
    ((0.9, 0.4, 0.8, 0.6, 0.7), (True, False, True, False, True), 0.6),
    ((0.5, 0.99, 0.7, 0.3), (False, False, True, True), 0.5),
    ((0.2, 0.9, 0.6, 0.8), (True, True, False, True), 1.0),
)


def _risk(confidence, right, coverage: float, wrong: str = "") -> float:
    """Share of wrong answers among the surest, right or wrong in a named way."""
    sure, good = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    n = round(coverage * len(sure))
    order = np.argsort(-sure, kind="stable")
    return {
        "": float((~good[order[:n]]).mean()),
        "right": float(good[order[:n]].mean()),
        "least sure": float((~good[order[::-1][:n]]).mean()),
        "of all": float((~good[order[:n]]).sum() / len(sure)),
        "unsorted": float((~good[:n]).mean()),
        "threshold": float((~good[sure >= coverage]).mean()) if (sure >= coverage).any() else float("nan"),
        "all": float((~good).mean()),
    }[wrong]


@exercise("13", "risk at a coverage", step="order = np.argsort(-confidence), then look at the first n of right[order].")
def check_risk_at_coverage(answer) -> Feedback:
    """Check a function: confidence (N,), right (N,) and a coverage -> share of wrong answers among the surest."""
    given = outcome(answer, [(np.array(c), np.array(r), coverage) for c, r, coverage in _SURE])
    if isinstance(given, Feedback):
        return given

    def same(wrong: str) -> bool:
        return np.allclose(given, [_risk(*each, wrong=wrong) for each in _SURE], atol=1e-3, equal_nan=True)

    return recognise(
        same,
        "Whether it falls as the coverage falls says whether the confidence is worth anything.",
        mistakes=[
            ("right", "That is the share that is right; the risk is the share that is wrong."),
            ("least sure", "These are the least confident ones: sort from high to low."),
            ("of all", "Divide by the number of answers that are given, not by the number of cells."),
            ("unsorted", "These are the first cells, not the most confident ones: sort by confidence first."),
            ("threshold", "The coverage is a share of the cells, not a threshold for the confidence."),
            ("all", "That is the risk when all cells are answered; keep only the most confident share."),
        ],
        otherwise="Sort by confidence, high to low; keep the first round(coverage * N); what share of them is wrong?",
    )


@exercise("13", "the rule of two", step="Three blasts, each found with .6: the chances of 0, 1, 2 and 3 found.")
def check_rule_of_two(answer) -> Feedback:
    """Check the chance that a patient with three blasts raises no alarm: recall .6, two named blasts needed."""
    return compare(
        answer,
        1 - 3 * 0.6**2 * 0.4 - 0.6**3,
        "A recall of .6 sounds like a half-full glass; of three patients with three blasts one goes home.",
        mistakes=[
            (3 * 0.6**2 * 0.4 + 0.6**3, "That is the chance of an alarm; asked is the chance of none."),
            (0.4**3, "That is the chance that no blast is found. With exactly one found there is no alarm either."),
            (0.4, "That is the chance of missing one blast; here three are looked at, and two must be found."),
            (0.4**2, "That is the chance of missing two given ones. Add up the ways to find none or one of three."),
            (3 * 0.6 * 0.4**2, "That is exactly one found. Finding none raises no alarm either: add it."),
            (0.6**2, "That is the chance of finding two given ones. Which two of the three does not matter."),
            (1 - 0.6**3, "That asks for all three to be found; two are enough."),
        ],
        otherwise="No alarm: none found, .4 * .4 * .4, or exactly one found, which can be any of the three.",
        expected="Expected one number between 0 and 1.",
        shares=True,
    )


@exercise("13", "a false alarm", step="First the chance that none of the 200 cells is named a blast, then exactly one.")
def check_false_alarm_of_a_patient(answer) -> Feedback:
    """Check the chance of an alarm without a blast: 200 cells, each named one with .01, two needed."""
    none, one = 0.99**200, 200 * 0.01 * 0.99**199
    return compare(
        answer,
        1 - none - one,
        "99 of 100 cells named rightly, and still more than half of the healthy are alarmed: 200 chances are many.",
        mistakes=[
            (none + one, "That is the chance of no alarm; asked is the chance of one."),
            (1 - none, "That is one named cell or more; the rule asks for two or more."),
            (0.01, "That is one cell. A patient has 200 of them."),
            (2.0, "That is the mean number of cells named so; asked is the chance of two or more."),
            (0.01**2, "That is the chance for two given cells; any two of the 200 raise the alarm."),
            (one, "That is exactly one named cell, which raises no alarm."),
            (none, "That is no named cell at all; exactly one raises no alarm either."),
        ],
        otherwise="One minus the chances of none, .99 ** 200, and of exactly one, 200 * .01 * .99 ** 199.",
        expected="Expected one number between 0 and 1.",
        shares=True,
    )
