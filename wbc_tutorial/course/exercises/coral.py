"""Checks of notebook 05: the noise of small batches, two terms by hand, several laboratories, means of mixes."""

from itertools import combinations

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.explained import explained, measured_and_letter
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import outcome

__all__ = ["check_batch_noise", "check_coral_by_hand", "check_coral_of_three", "check_means_of_mixes"]


def _expected_noise(n: int, h: int = 192) -> float:
    """Return the mean penalty of two batches of n images from one normal distribution with unit variances."""
    return 2 / n + 2 / (n - 1) * (1 + 1 / h)


@exercise("05", "the noise of a batch", step="Only n changes, in two places of the call: noise(12), then noise(96).")
def check_batch_noise(answer) -> Feedback:
    """Check (penalty of 12 images, penalty of 96, letter): two batches of one and the same cloud, 192 features."""
    read = measured_and_letter(answer, 2)
    if isinstance(read, Feedback):
        return read
    (few, many), letter = read
    if abs(many / _expected_noise(12) - 1) < 0.2 and abs(few / _expected_noise(96) - 1) < 0.2:
        return hint("The right numbers in the wrong order: 12 images first, then 96.")
    for value, n in ((few, 12), (many, 96)):
        if abs(value / _expected_noise(n) - 1) > 0.2:
            return hint(f"The penalty of two batches of {n} images is another: take the mean over 20 pairs of batches.")
    return explained(
        letter,
        "B",
        "The sampling error of means and covariances is added to the true gap, which is 0 here. It falls as 1/n, and "
        "its gradient does not average out: it makes features smaller.",
        {
            "A": "But a square is never below 0, so squares cannot average to 0: more pairs give the same number.",
            "C": "But from 12 to 96 images it falls about 8 times, as 1/n does; with 1/sqrt(n) it would be 2.8 times.",
            "D": "But the mean term alone gives about half: 2/n of 2/n + 2/(n - 1).",
        },
    )


@exercise(
    "05", "CORAL by hand", step="Mean term: ((1 - 1)**2 + (0 - 5)**2) / 2. Covariances: (2, 0; 0, 0) and (0, 0; 0, 8)."
)
def check_coral_by_hand(answer) -> Feedback:
    """Check (mean term, covariance term) of X = (0, 0), (2, 0) and Y = (1, 3), (1, 7); the second is 17."""
    return compare(
        answer,
        (12.5, 17.0),
        "The covariance term is in units of length to the fourth, so that a wide cloud weighs heavily.",
        expected="Expected two numbers: (mean term, covariance term).",
        mistakes=[
            ((17.0, 12.5), "The right numbers in the wrong order: the mean term comes first."),
            ((25.0, 68.0), "These are sums. The mean term is averaged over h entries, the covariance term over h * h."),
            ((25.0, 17.0), "The mean term is a sum so far: average it over the h = 2 features."),
            ((12.5, 68.0), "The covariance term is a sum so far: average it over all h * h = 4 entries."),
            (
                (12.5, 34.0),
                "The covariance term is averaged over h * h = 4 entries: the zeros beside the diagonal count.",
            ),
            ((12.5, 4.25), "A quarter too small: divide covariances by n - 1 = 1, not by n, and the sum by h * h = 4."),
            ((12.5, 2.5), "Square the differences of the covariances before you average: the entries are 2 and -8."),
            ((12.5, -1.5), "Square the differences of the covariances before you average: the entries are 2 and -8."),
            ((2.5, 17.0), "Square the differences of the means before you average."),
        ],
        otherwise="Means (1, 0) and (1, 5). Covariances: each has one entry that is not 0, since one feature varies.",
    )


def _pair(x, y, *, mean=True, covariance=True, unbiased=True):
    import torch

    total = x.new_zeros(())
    if mean:
        total = total + (x.mean(0) - y.mean(0)).square().mean()
    if covariance:
        correction = int(unbiased)
        cx, cy = (torch.cov(part.T, correction=correction) for part in (x, y))
        total = total + (cx - cy).square().mean()
    return total


def _over_pairs(features, domains, *, average=True, pairs=None, **options) -> float:
    parts = [features[domains == d] for d in range(int(domains.max()) + 1)]
    pairs = list(combinations(range(len(parts)), 2)) if pairs is None else pairs
    total = sum(_pair(parts[i], parts[j], **options) for i, j in pairs)
    return float(total / len(pairs) if average else total)


def _neighbours_only(features, domains) -> float:
    return _over_pairs(features, domains, pairs=[(i, i + 1) for i in range(int(domains.max()))])


def _cases() -> list[tuple]:
    """Build features and domains of three, two and four laboratories."""
    import torch

    generator, cases = torch.Generator().manual_seed(11), []
    for sizes in ((5, 6, 8), (4, 7), (4, 5, 6, 7)):
        domains = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        scale = 1 + domains[:, None]
        features = torch.randn(len(domains), 3, generator=generator, dtype=torch.float64) * scale + 2 * scale.square()
        order = torch.randperm(len(domains), generator=generator)
        cases.append((features[order], domains[order]))
    return cases


_PENALTY_MISTAKES = (
    ({"average": False}, "The sum over pairs is right; divide it by the number of pairs."),
    ({"unbiased": False}, "The covariances are divided by n; divide by n - 1, as torch.cov does by default."),
    ({"mean": False}, "Only the covariances are compared: add the mean term."),
    ({"covariance": False}, "Only the means are compared: add the covariance term."),
    ({"pairs": [(0, 1)]}, "Only laboratories 0 and 1 are compared: go through all pairs."),
)


@exercise("05", "CORAL of several laboratories", step="itertools.combinations(domains.unique(), 2) lists all pairs.")
def check_coral_of_three(answer) -> Feedback:
    """Check a function ``coral(features, domains)``: the penalty, averaged over all pairs of laboratories."""
    cases = _cases()
    values = outcome(answer, [(features.clone(), domains.clone()) for features, domains in cases])
    if isinstance(values, Feedback):
        return values

    def same(penalty) -> bool:
        return all(agrees(value, penalty(*case), 3) for value, case in zip(values, cases, strict=True))

    if same(_over_pairs):
        return right("Two, three or ten laboratories: the same penalty, and the same scale.")
    for options, text in _PENALTY_MISTAKES:
        if same(lambda features, domains, options=options: _over_pairs(features, domains, **options)):
            return hint(text)
    if same(_neighbours_only):
        return hint("Neighbours are compared, but not the first with the last: take all pairs.")
    if agrees(values[1], _over_pairs(*cases[1]), 3):
        return hint("For two laboratories it is right. With three there are three pairs: average over them.")
    return hint("Try it on X and Y of this notebook: 1.722222. The features are matrices with a row per image.")


@exercise("05", "means of two mixes", step="The first laboratory: .8 * 0 + .2 * 10. The second likewise.")
def check_means_of_mixes(answer) -> Feedback:
    """Check how far the means of two laboratories lie apart: 80 % and 30 % of class 0, centres at 0 and at 10."""
    return compare(
        answer,
        5.0,
        "No cell has changed its look, and yet CORAL sees a gap of half the way between the classes.",
        mistakes=[
            (0.0, "Each class has the same centre in both laboratories, but the mean runs over both classes."),
            (10.0, "That is the distance between the classes; the laboratories hold some of each."),
            (-5.0, "Give the distance without its sign."),
            (25.0, "That is the squared distance."),
            (0.5, "That is the difference of the shares; the centres are 10 apart."),
            (2.0, "That is the mean of the first laboratory; how far is it from the mean of the second?"),
            (7.0, "That is the mean of the second laboratory; how far is it from the mean of the first?"),
        ],
        otherwise="The mean of a laboratory is (share of class 0) * 0 + (share of class 1) * 10.",
    )
