"""The checks of notebook 10: stub, solution, each known mistake with a hint of its own, and garbage."""

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, silhouette_samples
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_class_mix,
    check_silhouette_by_hand,
    check_ten_times_the_features,
    check_umap_claims,
)
from wbc_tutorial.course.exercises.latent import _COUNTS
from wbc_tutorial.losses import transferability

CHECKS = [check_ten_times_the_features, check_silhouette_by_hand, check_class_mix, check_umap_claims]
GARBAGE = ["a string", 7, -1.5, [1, 2], (1, None), [[1, 2], [3]], {}, object(), np.nan, np.zeros(3), True, 1j, print]
GARBAGE += [lambda: 1, lambda *_: "x", lambda *_: None, lambda n: n, int, [True] * 4, [...] * 5, ["True"] * 5]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


def by_hand():
    x = np.array([0, 1, 5, 6, 10, 20, 22.0])[:, None]
    return silhouette_samples(x, [0, 0, 0, 1, 1, 2, 2])[0]


def from_shares(counts, over=0, reduce=np.max):
    within = counts / counts.sum(axis=1, keepdims=True)
    return reduce(within, axis=over).sum() / len(counts)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_ten_times_the_features, ("CD", "c, d", {"C", "D"}, {"C": 1, "D": 1, "E": 0})),
        (check_silhouette_by_hand, (0.625, 0.63, by_hand(), np.array([5 / 8]), [5 / 8], 62.5)),
        (check_class_mix, (from_shares, lambda n: np.float32(from_shares(n)))),
        (
            check_umap_claims,
            (
                [True, False, False, True, False],
                np.array([1, 0, 0, 1, 0], dtype=bool),
                [1, 0, 0, 1, 0],
                "TFFTF",
                "true, false, false, true, false",
                ["T", "F", "F", "T", "F"],
            ),
        ),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


def other(kind):
    def answer(n):
        within = n / n.sum(axis=1, keepdims=True)
        return {
            "accuracy": n.max(axis=0).sum() / n.sum(),
            "most images": within[n.argmax(axis=0), np.arange(n.shape[1])].sum() / len(n),
            "not divided": within.max(axis=0).sum(),
            "classes": within.max(axis=0).mean(),
            "row": within.max(axis=1).mean(),
            "column": (n / n.sum(axis=0)).max(axis=0).mean(),
            "chance": 1 / len(n),
            "least": within.min(axis=0).sum() / len(n),
            "new": 0.123,
        }[kind]

    return answer


MISTAKES = {
    check_ten_times_the_features: ["B", "E", "A", "D", "C", "X", 7],
    check_silhouette_by_hand: [
        -5 / 8, 6 / 8, 7 / 8, 3 / 6, 5 / 6, 11.5 / 14.5, 18 / 21, 5, 5 / 3, 3 / 8, 5 / 11, 0.1, "x",
    ],
    check_class_mix: [
        *map(other, ("accuracy", "most images", "not divided", "classes", "row", "column", "chance", "least", "new")),
        lambda n: 1 / 0, lambda n: None, lambda n: int("x"), 3,
    ],
    check_umap_claims: [
        [False, False, False, True, False], [True, True, False, True, False], [True, False, True, True, False],
        [True, False, False, False, False], [True, False, False, True, True], [True, ..., False, True, False], [True],
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


def test_what_the_mix_gives_away_is_the_score_of_the_best_guess():
    for counts in map(np.array, _COUNTS):
        pairs = [(d, c) for d, c in np.ndindex(counts.shape) for _ in range(counts[d, c])]
        truth, labels = np.array(pairs).T
        guess = (counts / counts.sum(axis=1, keepdims=True)).argmax(axis=0)
        assert balanced_accuracy_score(truth, guess[labels]) == pytest.approx(from_shares(counts))
        # no other guess is better
        for guess in np.ndindex(*[len(counts)] * counts.shape[1]):
            said = np.array(guess)[labels]
            recalls = [(said == d)[truth == d].mean() for d in range(len(counts))]
            assert np.mean(recalls) <= from_shares(counts) + 1e-9


def test_ten_times_the_features_keeps_what_the_exercise_says():
    """Alpha grows tenfold, the ratio, the silhouettes and the neighbours stay."""
    generator = np.random.default_rng(0)
    z, labels, domains = generator.normal(size=(90, 5)), np.arange(90) % 3, np.arange(90) // 3 % 2
    z += labels[:, None] + 2 * domains[:, None]
    small, large = (transferability(torch.as_tensor(k * z), *map(torch.as_tensor, (labels, domains))) for k in (1, 10))
    assert large.alpha == pytest.approx(10 * small.alpha)
    assert large.alpha / large.beta == pytest.approx(small.alpha / small.beta)
    assert silhouette_samples(10 * z, labels) == pytest.approx(silhouette_samples(z, labels))
