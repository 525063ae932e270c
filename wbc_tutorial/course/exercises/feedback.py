"""Feedback on an answer: right with a reason, or not yet with a hint; and how many exercises are solved."""

import functools
import html
from collections.abc import Callable

__all__ = ["Feedback", "exercise", "hint", "progress", "right"]

_EXERCISES: dict[str, list[str]] = {}
"""Notebook -> names of its exercises, in their order."""

_solved: dict[str, bool] = {}
"""Name of each exercise that was tried in this session -> whether one of the answers was right."""

_GREEN, _RED = "#1a7f37", "#b3261e"
"""White letters on them have a contrast of 5:1 or more, on a light page and on a dark one."""


class Feedback:
    """What a check says of an answer; Jupyter shows it, and ``bool(feedback)`` says whether the answer was right.

    Parameters
    ----------
    solved : bool
        Whether the answer was right.
    text : str
        Why it is right, or a hint.
    """

    def __init__(self, solved: bool, text: str):
        self.solved, self.text = solved, text

    def __bool__(self) -> bool:
        return self.solved

    @property
    def mark(self) -> str:
        """The two words in front of the text, with a sign for those who do not see the colour."""
        return "✓ Right." if self.solved else "✗ Not yet."

    def __repr__(self) -> str:
        return f"{self.mark} {self.text}"

    def _repr_html_(self) -> str:
        style = f"background: {_GREEN if self.solved else _RED}; color: #fff; padding: .1em .4em; border-radius: .3em"
        return f'<p role="status"><b style="{style}">{self.mark}</b> {html.escape(self.text)}</p>'


def right(text: str) -> Feedback:
    """Say that the answer is right, and why that matters."""
    return Feedback(True, text)


def hint(text: str) -> Feedback:
    """Say what to look at next, without giving the solution away."""
    return Feedback(False, text)


def exercise(notebook: str, name: str) -> Callable:
    """Make a function from an answer to its feedback the check of an exercise.

    The check asks for an answer where there is none yet, counts for `progress`, and raises no error whatever the
    answer is.

    Parameters
    ----------
    notebook : str
        Number of the notebook, such as ``"07"``.
    name : str
        The exercise's name, as `progress` prints it.
    """
    _EXERCISES.setdefault(notebook, []).append(name)

    def decorate(check: Callable[..., Feedback]) -> Callable[..., Feedback]:
        @functools.wraps(check)
        def checked(answer) -> Feedback:
            feedback = _look_at(check, answer)
            _solved[name] = feedback.solved or _solved.get(name, False)
            return feedback

        return checked

    return decorate


def _look_at(check: Callable[..., Feedback], answer) -> Feedback:
    if answer is ... or answer is None:
        return hint("Replace the ... with your answer and run the cell again.")
    try:
        return check(answer)
    except Exception as error:  # an object that nobody thought of: a hint all the same
        return hint(f"This answer cannot be read ({type(error).__name__}). Its type is {type(answer).__name__}.")


def progress() -> None:
    """Print how many exercises of the present notebook are solved in this session, and which."""
    tried = [notebook for notebook, names in sorted(_EXERCISES.items()) if not _solved.keys().isdisjoint(names)]
    if not tried:
        print("No exercise was checked in this session yet. Run an exercise's cell first.")
    for notebook in tried:
        names = _EXERCISES[notebook]
        done = sum(_solved.get(name, False) for name in names)
        print(f"Notebook {notebook}: {done} of {len(names)} exercises solved.")
        for name in names:
            print(f"  {'✓' if _solved.get(name) else '·'} {name}")
