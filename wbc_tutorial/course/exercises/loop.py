"""Checks of notebook 04: a loop without its gradients, cross-entropy by hand, a step of training, a share of a fall."""

import math

from wbc_tutorial.course.exercises.answers import compare
from wbc_tutorial.course.exercises.explained import explained, measured_and_letter
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right, your_turn

__all__ = ["check_cleared_too_late", "check_cross_entropy", "check_share_of_fall", "check_training_step"]


def _tensors() -> tuple[int, int]:
    """Count all tensors of the course's network, and those that batch norm keeps beside the parameters."""
    from wbc_tutorial.models import small_cnn

    model = small_cnn(n_classes=13)
    names = dict(model.named_parameters())
    state = model.state_dict()
    return len(state), sum(name not in names and name not in ("mean", "std") for name in state)


@exercise("04", "a loop that clears too late", step="Print the names of the tensors that differ: what do they share?")
def check_cleared_too_late(answer) -> Feedback:
    """Check (tensors that changed, letter) after ten steps in which the gradients are cleared before they are used."""
    read = measured_and_letter(answer, 1)
    if isinstance(read, Feedback):
        return read
    ((n,), letter), (everything, statistics) = read, _tensors()
    known = {
        0: "Compare with the copy that was made before training: some tensors did change, although no parameter moved.",
        everything: "All of them changed: is zero_grad still between backward and step?",
        everything - 2: "All parameters moved: is zero_grad still at its old place?",
        everything
        - 2
        - statistics: "These would be the parameters. They stand still here; what else does a network hold?",
    }
    if n != statistics:
        return hint(
            known.get(int(n), "Count the names of state_dict() whose tensors differ before and after ten steps.")
        )
    return explained(
        letter,
        "C",
        "Running means and variances follow every batch in training mode, optimizer or not. Notebook 08 needs this.",
        {
            "A": "But without gradients Adam skips a parameter altogether: no parameter is among the changed tensors.",
            "B": "But no weight of any layer is among the changed tensors: look at their names.",
            "D": "But the same happens with another rate: no gradient ever reaches the optimizer.",
        },
    )


@exercise(
    "04", "softmax cross-entropy", step="exp(2) = 7.389, exp(0) = 1. Which share of their sum belongs to class 0?"
)
def check_cross_entropy(answer) -> Feedback:
    """Check the softmax cross-entropy, natural logarithm, of the logits (2, 0, 0) when class 0 is true."""
    share = math.exp(2) / (math.exp(2) + 2)
    binary = [math.log1p(math.exp(-2)), math.log(2), math.log(2)]
    return compare(
        answer,
        -math.log(share),
        "Minus the logarithm of the true class's share: 0 only when that share is 1.",
        mistakes=[
            (share, "This is the probability of the true class; the loss is minus its logarithm."),
            (math.log(share), "A probability is at most 1, so its logarithm is at most 0: mind the sign."),
            (-math.log10(share), "Use the natural logarithm, math.log, as torch does."),
            (-math.log2(share), "Use the natural logarithm, math.log, as torch does."),
            (sum(binary), "This is the binary form, one sigmoid a class, summed; a softmax shares 1 between classes."),
            (sum(binary) / 3, "This is the binary form, one sigmoid a class; a softmax shares 1 between the classes."),
            (binary[0], "This is a sigmoid of the true logit alone; the denominator holds all three classes."),
            (-math.log((1 - share) / 2), "This is the loss when another class is true; here it is class 0."),
            (-2.0, "This is minus the true logit: the logarithm of the sum of exponentials is still to be added."),
        ],
        otherwise="First the probability exp(2) / (sum of the three exponentials), then minus its natural logarithm.",
    )


def _tiny_model():
    """Build a classifier of images of 3 x 2 x 2 numbers into 3 classes: `features` flattens, `head` is linear."""
    import torch

    from wbc_tutorial.models import Classifier

    generator = torch.Generator().manual_seed(3)
    with torch.random.fork_rng(devices=[]):
        model = Classifier(torch.nn.Flatten(), 12, 3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model, torch.rand(6, 3, 2, 2, generator=generator), torch.tensor([0, 1, 2, 0, 1, 1])


def _run(step, n_steps: int):
    """Return the parameters of the tiny model after some steps, and the events in their order."""
    import torch

    model, images, labels = _tiny_model()
    optimizer, events = torch.optim.SGD(model.parameters(), lr=0.5), []
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: events.append("gradient"))
    optimizer.register_step_post_hook(lambda *_: events.append("move"))
    for _ in range(n_steps):
        step(model, optimizer, images, labels)
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]), events


_NOTHING = "Your function changes nothing yet: replace its ... by one step of the loop."


def _why_unmoved(events: list[str]) -> str:
    """Say which part of the step is missing when the parameters are where they began."""
    if not events:
        return _NOTHING
    if "gradient" not in events:
        return "The optimizer acted, but no gradient was computed: which call on the loss does that?"
    if "move" not in events:
        return "The parameters have not moved: which call lets the optimizer act?"
    if events.index("move") < events.index("gradient"):
        return "The optimizer acts before there is a gradient: first loss.backward(), then optimizer.step()."
    return "The optimizer acted, but found no gradient: is it cleared between backward and step?"


def _variant(loss_of, *, clear: bool = True):
    """Build a training step that is right, or wrong in a known way."""

    def step(model, optimizer, images, labels):
        if clear:
            optimizer.zero_grad()
        loss_of(model(images), labels).backward()
        optimizer.step()

    return step


def _wrong_steps() -> list[tuple]:
    import torch.nn.functional as F

    def binary(logits, labels):
        return F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, 3).float())

    return [
        (_variant(F.cross_entropy, clear=False), "The first step is right, the second is not: gradients pile up."),
        (
            _variant(lambda z, y: F.cross_entropy(z.softmax(1), y)),
            "cross_entropy takes the logits as they are; here a softmax is applied twice.",
        ),
        (_variant(lambda z, y: F.cross_entropy(z, y, reduction="sum")), "Take the mean over the batch, not the sum."),
        (_variant(lambda z, y: -F.cross_entropy(z, y)), "The loss rises: the sign is turned."),
        (_variant(binary), "This is the binary form, a sigmoid per class; one cell has one class: use the softmax."),
    ]


@exercise("04", "one training step", step="Five lines: zero_grad, logits, F.cross_entropy, backward, step.")
def check_training_step(answer) -> Feedback:
    """Check a function ``step(model, optimizer, images, labels)`` that does one step of cross-entropy training."""
    import torch
    import torch.nn.functional as F

    if not callable(answer):
        return hint("Expected the function itself: answer = step, without brackets.")
    try:
        (one, events), (two, _) = (_run(answer, n) for n in (1, 2))
    except (Exception, SystemExit) as error:  # any error of a learner's function is a hint
        return hint(f"Your function stops with {type(error).__name__}: {str(error).split(chr(10))[0][:200]}")
    if torch.allclose(one, _run(answer, 0)[0]):
        why = _why_unmoved(events)
        return your_turn(why) if why == _NOTHING else hint(why)

    def agrees(step) -> bool:
        return torch.allclose(one, _run(step, 1)[0]) and torch.allclose(two, _run(step, 2)[0])

    if agrees(_variant(F.cross_entropy)):
        return right("Clear, predict, compare, differentiate, move: the same for every method of this course.")
    for step, text in _wrong_steps():
        if agrees(step):
            return hint(text)
    return hint("The parameters end elsewhere: clear gradients, loss of the logits, backward, step; once each.")


_CLASSES_IN_NUMBER = {"known": 0.90, "own": 0.40, "redrawn": 0.70}
"""Mean recall of the three classes that both sides hold in number: NGS, LYT and EOS."""

_ALL_FOUR = {"known": 0.925, "own": 0.325, "redrawn": 0.55}
"""The same with the smudge cells, whose recall on the known laboratories rests on one image."""


@exercise(
    "04", "the share of the fall", step="Leave KSC out. Then three means: known, own look, redrawn; two differences."
)
def check_share_of_fall(answer) -> Feedback:
    """Check which share of the fall a known look wins back, over the classes that both sides hold in number."""
    known, own, redrawn = _CLASSES_IN_NUMBER.values()
    four_known, four_own, four_redrawn = _ALL_FOUR.values()
    return compare(
        answer,
        (redrawn - own) / (known - own),
        "Six tenths of the fall vanish with the look. With the one lucky smudge cell it would have been .375.",
        mistakes=[
            (
                (four_redrawn - four_own) / (four_known - four_own),
                "One class of the four has a single image on the known laboratories: leave it out.",
            ),
            ((known - redrawn) / (known - own), "This is the share that remains although the look is known."),
            (redrawn - own, "This is the difference; a share is that difference over the whole fall."),
            (known - own, "This is the whole fall; which part of it does redrawing win back?"),
            (redrawn / known, "Compare differences, not scores: what was lost, and what of it came back?"),
            ((redrawn - own) / known, "The whole is the fall, .90 - .40, not the score at the top."),
            ((redrawn - own) / redrawn, "The whole is the fall, .90 - .40, not the redrawn score."),
            ((known - own) / (redrawn - own), "Upside down: a share is the part over the whole."),
        ],
        otherwise="Means over the classes with ten images or more on both sides: known .90, own look .40, redrawn .70.",
        shares=True,
    )
