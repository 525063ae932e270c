"""Checks of notebook 04: softmax cross-entropy by hand, one step of training, the share of a fall."""

import math

from wbc_tutorial.course.exercises.answers import compare
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right

__all__ = ["check_cross_entropy", "check_share_of_fall", "check_training_step"]


@exercise("04", "softmax cross-entropy")
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


def _why_unmoved(events: list[str]) -> str:
    """Say which part of the step is missing when the parameters are where they began."""
    if not events:
        return "Your function changes nothing yet: replace its ... by one step of the loop."
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


@exercise("04", "one training step")
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
        return hint(_why_unmoved(events))

    def agrees(step) -> bool:
        return torch.allclose(one, _run(step, 1)[0]) and torch.allclose(two, _run(step, 2)[0])

    if agrees(_variant(F.cross_entropy)):
        return right("Clear, predict, compare, differentiate, move: the same for every method of this course.")
    for step, text in _wrong_steps():
        if agrees(step):
            return hint(text)
    return hint("The parameters end elsewhere: clear gradients, loss of the logits, backward, step; once each.")


@exercise("04", "the share of the fall")
def check_share_of_fall(answer) -> Feedback:
    """Check which share of a fall from .80 to .35 is the stain's, when the same cells redrawn score .65."""
    return compare(
        answer,
        (0.65 - 0.35) / (0.80 - 0.35),
        "Two thirds of the fall vanish with the look; the rest has other causes.",
        mistakes=[
            ((0.80 - 0.65) / (0.80 - 0.35), "This is the share that remains although the look is known."),
            (0.65 - 0.35, "This is the difference; a share is that difference over the whole fall."),
            (0.80 - 0.35, "This is the whole fall; which part of it does redrawing win back?"),
            (0.65 / 0.80, "Compare differences, not scores: what was lost, and what of it came back?"),
            ((0.65 - 0.35) / 0.80, "The whole is the fall, .80 - .35, not the score at the top."),
            ((0.65 - 0.35) / 0.65, "The whole is the fall, .80 - .35, not the redrawn score."),
            ((0.80 - 0.35) / (0.65 - 0.35), "Upside down: a share is the part over the whole."),
        ],
        otherwise="The whole fall is .80 - .35. The part that redrawing the same cells wins back is .65 - .35.",
        shares=True,
    )
