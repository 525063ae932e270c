"""Checks of notebook 12: more cells in the garden, twenty looks, the gap closed, white balance, T3A, chosen where."""

from collections.abc import Callable

from wbc_tutorial.course.exercises.answers import compare, recognise
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import array_in, call, letters_in
from wbc_tutorial.course.exercises.statements import check_letters

__all__ = [
    "check_chosen_where",
    "check_gap_closed",
    "check_more_cells",
    "check_t3a_weights",
    "check_twenty_looks",
    "check_white_balance",
]


@exercise("12", "more cells", step="Print the spread of the 200 scores and the gain of the best, for both sizes.")
def check_more_cells(answer) -> Feedback:
    """Check which of A .. E explain what four times as many cells change in the garden of forking paths."""
    return check_letters(
        answer,
        "AD",
        "Luck has a size: it falls with the root of the cells. The next laboratory shows what is left of a choice.",
        wrong={
            "B": "look at the last line that is printed: what does the choice gain in the next laboratories?",
            "C": "luck became smaller, not zero, and more choices find more of it.",
            "E": "the same dice were thrown. What changed is how much of a score is luck.",
        },
        missing={
            "A": "how does the spread of a score depend on the number of cells?",
            "D": "how large must a real gain be to be seen, with few cells and with many?",
        },
    )


@exercise("12", "twenty looks", step="First the chance that one interval holds the truth; then that all twenty do.")
def check_twenty_looks(answer) -> Feedback:
    """Check the chance that of 20 independent 95 % intervals about nothing at least one excludes zero."""
    return compare(
        answer,
        1 - 0.95**20,
        "Two chances in three to find something in nothing. A paper shows the one, and seldom the twenty.",
        mistakes=[
            (0.05, "That is the chance of one interval; there are twenty."),
            (0.95**20, "That is the chance that none excludes zero; asked is at least one."),
            (1.0, "Twenty times .05 is the mean number of such intervals, not the chance of at least one."),
            (0.95, "That is the chance that one interval holds zero."),
            (0.05**20, "That is the chance that all twenty exclude zero."),
            (20 * 0.05 * 0.95**19, "That is exactly one of them; two or three count as well."),
        ],
        otherwise="At least one is one minus none, and none means that all twenty hold zero.",
        expected="Expected one number between 0 and 1.",
        shares=True,
    )


@exercise(
    "12",
    "the gap closed",
    step="Two differences: the gain in the unseen laboratory, and the whole way up to the best known score.",
)
def check_gap_closed(answer) -> Feedback:
    """Check the fraction of the gap recovered: ERM unseen .30, best known .90, a recipe unseen .45 and known .88."""
    return compare(
        answer,
        0.25,
        "A quarter of the way from ERM's score on the unseen laboratory to the best score on known ones. "
        "Three quarters of the fall are still there.",
        mistakes=[
            (0.15, "That is the gain itself; divide it by the whole gap."),
            (0.5, "That compares with ERM's own score; the gap reaches up to the best score on known laboratories."),
            (0.45 / 0.9, "That is a share of the best score; count from ERM, which is not at zero."),
            (0.75, "That is the part of the gap that stays open; the question asks for the part that is closed."),
            (0.15 / 0.58, "The gap ends at the best score of any method on known laboratories, not at the recipe's."),
            (0.6, "That is the whole gap; divide the gain by it."),
            (4.0, "Upside down: divide the gain by the whole gap, not the gap by the gain."),
        ],
        otherwise="Divide the recipe's gain over ERM on the unseen laboratory by ERM's whole fall: the best score on "
        "known laboratories minus ERM's score on the unseen one.",
        expected="Expected one number, such as answer = 0.4.",
        shares=True,
    )


def _called(function: Callable, given: list[list], shape: tuple[int, ...]):
    """Call a learner's function with tensors: return its result as a float32 tensor of the shape wanted, or a hint."""
    import torch

    value = call(function, *map(torch.tensor, given))
    if isinstance(value, Feedback):
        return value
    numbers = array_in(value, shape)
    return numbers if isinstance(numbers, Feedback) else torch.as_tensor(numbers).float()


_LIGHT = [[0.9, 0.7, 0.5], [0.6, 0.8, 0.4]]
_SIZE = (2, 3, 4, 5)


def _images():
    import torch

    return 0.1 + 0.5 * torch.rand(*_SIZE, generator=torch.Generator().manual_seed(0))


def _balanced(images, light, wrong: str = ""):
    """Divide images by their light, right or wrong in a named way."""
    each = light[:, :, None, None]
    return {
        "": lambda: (images / each).clamp(0, 1),
        "not clipped": lambda: images / each,
        "multiplied": lambda: images * each,
        "subtracted": lambda: images - each,
        "subtracted, clipped": lambda: (images - each).clamp(0, 1),
        "one lamp": lambda: (images / light.mean(1)[:, None, None, None]).clamp(0, 1),
        "first image's": lambda: (images / each[:1]).clamp(0, 1),
        "largest": lambda: (images / light.amax(1)[:, None, None, None]).clamp(0, 1),
        "unchanged": lambda: images,
    }[wrong]()


@exercise(
    "12",
    "white balance",
    step="light[:, :, None, None] has a value for each image and channel: divide by it, then clamp(0, 1).",
)
def check_white_balance(answer) -> Feedback:
    """Check a function: images (N, 3, S, S) and light (N, 3) -> images divided by their light, within 0 and 1."""
    import torch

    images = _images()
    given = _called(answer, [images.tolist(), _LIGHT], _SIZE)
    if isinstance(given, Feedback):
        if "size of tensor" in given.text:
            return hint("light is (N, 3), the images (N, 3, S, S): give light two more axes, light[:, :, None, None].")
        return given

    def same(wrong: str) -> bool:
        return torch.allclose(given, _balanced(images, torch.tensor(_LIGHT), wrong), atol=1e-5)

    return recognise(
        same,
        "Divided, not subtracted: a glass half as bright shows every place half as bright.",
        mistakes=[
            ("not clipped", "Nearly: noise above the background now exceeds 1. Keep the result within 0 and 1."),
            ("multiplied", "That puts the lamp in a second time. What undoes a multiplication?"),
            ("subtracted", "Light multiplies what the glass lets through; it is not added to it."),
            ("subtracted, clipped", "Light multiplies what the glass lets through; it is not added to it."),
            ("one lamp", "That removes how bright the lamp is, not its colour: keep one number per channel."),
            ("first image's", "Every image has a lamp of its own: keep the first axis of light."),
            ("largest", "That removes how bright the lamp is, not its colour: keep one number per channel."),
            ("unchanged", "The images come back as they were."),
        ],
        otherwise="Divide each image and channel by its own light, then clamp(0, 1).",
    )


_WEIGHTS = [3.0, 0.0, 4.0]
_FEATURES = [[1.0, 2.0, 2.0], [9.0, 6.0, -2.0], [0.0, 5.0, 0.0]]


def _t3a_weights(wrong: str = ""):
    """Average directions as T3A does, right or wrong in a named way."""
    import torch
    import torch.nn.functional as F

    w, z = torch.tensor(_WEIGHTS), torch.tensor(_FEATURES)
    unit_w, unit_z = F.normalize(w, dim=0), F.normalize(z, dim=1)
    return {
        "": lambda: F.normalize(unit_w + unit_z.sum(0), dim=0),
        "length": lambda: (unit_w + unit_z.sum(0)) / (len(z) + 1),
        "length of the sum": lambda: unit_w + unit_z.sum(0),
        "raw": lambda: F.normalize(w + z.sum(0), dim=0),
        "raw features": lambda: F.normalize(unit_w + z.sum(0), dim=0),
        "raw weights": lambda: F.normalize(w + unit_z.sum(0), dim=0),
        "half": lambda: F.normalize(unit_w + unit_z.mean(0), dim=0),
        "forgotten": lambda: F.normalize(unit_z.sum(0), dim=0),
        "across": lambda: F.normalize(unit_w + F.normalize(z, dim=0).sum(0), dim=0),
        "unchanged": lambda: unit_w,
    }[wrong]()


@exercise("12", "the weights of T3A", step="Make w and each row of z one long; add all of them; make the sum one long.")
def check_t3a_weights(answer) -> Feedback:
    """Check a function: weights w (h,) of a class, its features z (n, h) of lowest entropy -> new weights (h,)."""
    import torch

    given = _called(answer, [_WEIGHTS, _FEATURES], (len(_WEIGHTS),))
    if isinstance(given, Feedback):
        return given

    def same(wrong: str) -> bool:
        return torch.allclose(given, _t3a_weights(wrong), atol=1e-5)

    return recognise(
        same,
        "No step of training, no label: the class has moved to where this laboratory's cells lie.",
        mistakes=[
            ("length", "The direction is right. A class with longer weights would be preferred: make the length 1."),
            (
                "length of the sum",
                "The direction is right, but the sum is long. A class with longer weights would be preferred.",
            ),
            ("raw", "Long vectors count more than short ones here: bring each to length 1 first."),
            ("raw features", "A long feature counts more than a short one here: bring each to length 1 first."),
            ("raw weights", "The trained weights count more the longer they are: bring them to length 1 as well."),
            ("half", "The old weights count as much as all features together; they should count as one of them."),
            (
                "forgotten",
                "The trained weights are one member too: a class without any feature must stay where it was.",
            ),
            ("across", "Each feature is a row: its length is taken along the last axis, not over the images."),
            ("unchanged", "These are the trained weights; the laboratory's features have not joined them."),
        ],
        otherwise="Take unit vectors: that of the weights and one for each feature. Add them, then make the length 1.",
    )


_NOT_ALLOWED = (
    ("B", "B: whoever reports the best of ten recipes where it was found reports luck as skill."),
    ("D", "D: half of U's images tell as much about U's stain and light as all of them."),
    ("E", "E: a look that decides is a choice, even without a number, and no results store would show it."),
)


@exercise("12", "chosen where", step="Cross out every letter in which U or V has a say.")
def check_chosen_where(answer) -> Feedback:
    """Check which of A .. E may choose a recipe that is then scored on laboratories U and V."""
    letters = letters_in(answer)
    if isinstance(letters, Feedback):
        return letters
    if letters == {"A", "C"}:
        return right("Both look only at laboratories that one trains on; U and V are scored once, at the end.")
    for letter, text in _NOT_ALLOWED:
        if letter in letters:
            return hint(text)
    if letters == {"A"}:
        return hint("A is allowed. It sees no change of laboratory, though: what else may one look at?")
    return hint("C is allowed. There is one more, which costs less and sees less: known laboratories only.")
