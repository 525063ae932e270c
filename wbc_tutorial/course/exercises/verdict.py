"""What a check says: right with a reason, or not yet with a hint; and how far a learner has come."""

__all__ = ["Verdict", "hint", "progress", "right", "unanswered"]

_solved: dict[str, bool] = {}


class Verdict:
    """The answer to an answer; Jupyter shows its `repr`, and ``bool(verdict)`` says whether it was right."""

    def __init__(self, exercise: str, solved: bool, text: str):
        self.exercise, self.solved, self.text = exercise, solved, text
        _solved[exercise] = solved or _solved.get(exercise, False)

    def __bool__(self) -> bool:
        return self.solved

    def __repr__(self) -> str:
        return f"{'✓ Right.' if self.solved else '✗ Not yet.'} {self.text}"


def right(exercise: str, text: str) -> Verdict:
    """Say that the answer is right, and why that matters."""
    return Verdict(exercise, True, text)


def hint(exercise: str, text: str) -> Verdict:
    """Say what to look at next, without giving the solution away."""
    return Verdict(exercise, False, text)


def unanswered(exercise: str, answer) -> Verdict | None:
    """Return a hint when the stub still holds ``...`` (or nothing), else None."""
    if answer is ... or answer is None:
        return hint(exercise, "Replace the ... with your answer and run the cell again.")
    return None


def progress() -> None:
    """Print how many of the exercises tried in this notebook are solved."""
    done = sum(_solved.values())
    print(f"Exercises solved in this session: {done} of {len(_solved)} tried.")
    for exercise, solved in _solved.items():
        print(f"  {'✓' if solved else '·'} {exercise}")
