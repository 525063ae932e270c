"""Answers by letter: which of the statements A to E follow; and why a wrong one does not."""

from collections.abc import Mapping

from wbc_tutorial.course.exercises.feedback import Feedback, hint, right
from wbc_tutorial.course.exercises.reading import letters_in

__all__ = ["check_letters"]


def check_letters(answer, true: str, praise: str, *, wrong: Mapping[str, str], missing: Mapping[str, str]) -> Feedback:
    """Compare the letters of an answer with those that are true.

    Parameters
    ----------
    answer : object
        Any form that `reading.letters_in` reads.
    true : str
        The letters that are true, such as ``"AD"``.
    praise : str
        Why they are.
    wrong : mapping of str to str
        Each other letter -> why it does not follow; the first that the answer names is told.
    missing : mapping of str to str
        Each true letter -> a hint for an answer without it, which does not name the letter.
    """
    letters = letters_in(answer)
    if isinstance(letters, Feedback):
        return letters
    if letters == set(true):
        return right(praise)
    for letter, text in wrong.items():
        if letter in letters:
            return hint(f"{letter}: {text}")
    first = next(letter for letter in true if letter not in letters)
    return hint(f"All that you name is right. One is still missing: {missing[first]}")
