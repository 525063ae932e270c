"""Feedback on an answer: right with a reason, or not yet with a hint; and how many exercises are solved."""

import functools
import html
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["NOTEBOOKS", "Feedback", "exercise", "hint", "progress", "right", "your_turn"]

NOTEBOOKS = {
    name[:2]: f"{name}.ipynb"
    for name in (
        "00_start_here",
        "01_class_imbalance",
        "02_domain_shift",
        "03_missing_classes",
        "04_erm_and_the_loop",
        "05_coral",
        "06_dann",
        "07_boda",
        "08_retrained_classifier",
        "09_comparison",
        "10_latent_space",
        "11_your_own_cells",
        "12_what_else_moves_the_needle",
        "13_seeing_and_deciding",
    )
}
"""Number of a notebook -> its file; the solution has the same name in the folder ``solutions``."""

STEP_AFTER, SOLUTION_AFTER = 2, 3
"""After so many wrong answers the second hint comes, and then the link to the solution."""

_EXERCISES: dict[str, list[str]] = {}
"""Notebook -> names of its exercises, in their order."""

_solved: dict[tuple[str, str], bool] = {}
"""(notebook, name) of each exercise that was tried in this session -> whether one of the answers was right."""

_missed: dict[tuple[str, str], int] = {}
"""(notebook, name) of each exercise -> wrong answers since the last right one."""

_GREEN, _RED, _GREY = ("#1a7f37", "#e9f6ec"), ("#b3261e", "#fdeeec"), ("#57606a", "#f1f3f5")
"""Of the sign and of the card: white letters on the first and dark ones on the second have a contrast of 5:1 or more,
on a light page and on a dark one."""


@dataclass(frozen=True)
class Feedback:
    """What a check says of an answer; Jupyter shows it, and ``bool(feedback)`` says whether the answer was right.

    Parameters
    ----------
    solved : bool
        Whether the answer was right.
    text : str
        Why it is right, or a hint.
    tried : bool, default=True
        Whether there was an answer.
    step : str, default=""
        The second hint, shown below the first.
    solution : str, default=""
        The solution's file, to be linked.
    place : str, default=""
        Which exercise of how many, and how many are solved.
    """

    solved: bool
    text: str
    tried: bool = True
    step: str = ""
    solution: str = ""
    place: str = ""

    def __bool__(self) -> bool:
        return self.solved

    @property
    def mark(self) -> str:
        """The two words in front of the text, with a sign for those who do not see the colour."""
        return "✓ Right." if self.solved else "✗ Not yet." if self.tried else "○ Your turn."

    def __repr__(self) -> str:
        lines = [f"{self.mark} {self.text}"]
        if self.step:
            lines.append(f"A step further: {self.step}")
        if self.solution:
            lines.append(f"The solution: solutions/{self.solution}")
        return "\n".join([*lines, self.place] if self.place else lines)

    def _repr_html_(self) -> str:
        sign, card = _GREEN if self.solved else _RED if self.tried else _GREY
        parts = [f"<p style='margin: .4em 0 0'>{html.escape(self.text)}</p>"]
        if self.step:
            parts.append(f"<p style='margin: .4em 0 0'><b>A step further:</b> {html.escape(self.step)}</p>")
        if self.solution:
            link = f"<a href='solutions/{self.solution}' style='color: #0b4f9e'>Look at the solution</a>"
            parts.append(f"<p style='margin: .4em 0 0'>{link}, then close it and write it in your own words.</p>")
        head = (
            f"<b style='background: {sign}; color: #ffffff; padding: .1em .5em; border-radius: .3em'>{self.mark}</b>"
            f"<span style='float: right'>{html.escape(self.place)}</span>"
        )
        box = f"background: {card}; color: #1b1b1b; border-left: .5em solid {sign}"
        box += "; padding: .6em .9em; border-radius: .3em; max-width: 60em"
        return f"<div role='status' style='{box}'>{head}{''.join(parts)}</div>"


def right(text: str) -> Feedback:
    """Say that the answer is right, and why that matters."""
    return Feedback(True, text)


def hint(text: str) -> Feedback:
    """Say what to look at next, without giving the solution away."""
    return Feedback(False, text)


def your_turn(text: str) -> Feedback:
    """Say what to do where there is no answer yet."""
    return Feedback(False, text, tried=False)


def exercise(notebook: str, name: str, *, step: str = "") -> Callable:
    """Make a function from an answer to its feedback the check of an exercise.

    The check asks for an answer where there is none yet, counts for `progress`, and raises no error whatever the
    answer is. Its hints escalate: after two wrong answers `step` stands below the hint, after three a link to the
    solution too.

    Parameters
    ----------
    notebook : str
        Number of the notebook, such as ``"07"``.
    name : str
        The exercise's name, as `progress` prints it.
    step : str, default=""
        The second hint: what to do first, without the result.
    """
    _EXERCISES.setdefault(notebook, []).append(name)

    def decorate(check: Callable[..., Feedback]) -> Callable[..., Feedback]:
        @functools.wraps(check)
        def checked(answer) -> Feedback:
            feedback = _look_at(check, answer)
            here = notebook, name
            _solved[here] = feedback.solved or _solved.get(here, False)
            if feedback.tried:
                _missed[here] = 0 if feedback.solved else _missed.get(here, 0) + 1
            return _as_card(feedback, notebook, name, step)

        return checked

    return decorate


def _as_card(feedback: Feedback, notebook: str, name: str, step: str) -> Feedback:
    """Add which exercise it is, and the further hints that are due."""
    names = _EXERCISES[notebook]
    done = sum(_solved.get((notebook, each), False) for each in names)
    missed = 0 if feedback.solved or not feedback.tried else _missed[notebook, name]
    return replace(
        feedback,
        step=step if missed >= STEP_AFTER else "",
        solution=NOTEBOOKS[notebook] if missed >= SOLUTION_AFTER else "",
        place=f"Exercise {names.index(name) + 1} of {len(names)}, {done} solved",
    )


def _look_at(check: Callable[..., Feedback], answer) -> Feedback:
    if answer is ... or answer is None:
        return your_turn("Replace the ... with your answer and run the cell again.")
    try:
        return check(answer)
    except Exception as error:  # an object that nobody thought of: a hint all the same
        return hint(f"This answer cannot be read ({type(error).__name__}). Its type is {type(answer).__name__}.")


def progress() -> None:
    """Print how many exercises of the present notebook are solved in this session, and which."""
    tried = sorted({notebook for notebook, _ in _solved})
    if not tried:
        print("No exercise was checked in this session yet. Run an exercise's cell first.")
    for notebook in tried:
        names = _EXERCISES[notebook]
        solved = {name for name in names if _solved.get((notebook, name))}
        print(f"Notebook {notebook}: {len(solved)} of {len(names)} exercises solved.")
        for name in names:
            print(f"  {'✓' if name in solved else '·'} {name}")
