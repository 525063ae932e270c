"""Predictions: a question whose answer is committed before the next cell is run, and the count of those committed."""

import html
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import ipywidgets

from wbc_tutorial.data.simulated import cache_folder

__all__ = ["Prediction", "forget_predictions", "prediction", "predictions_made"]

_asked: dict[str, tuple[str, ...]] = {}
"""Key of each question that was asked in this session -> its options."""

_here: dict[str, str] = {}
"""Key -> what was committed in this session; the file may be missing where no folder can be written."""

AFTER = "Now run the next cell to see."


class Prediction(ipywidgets.VBox):
    """A question with radio buttons and a button that commits the choice.

    Parameters
    ----------
    key : str
        Names the question: the notebook's number, a space, a word.
    question : str
    options : sequence of str
        Two or more, all different.

    See Also
    --------
    prediction : makes one, and says where the choice is kept.
    """

    def __init__(self, key: str, question: str, options: Sequence[str]):
        self.key, self.question, self.options = key, question, tuple(options)
        _asked[key] = self.options
        self._choice = ipywidgets.RadioButtons(
            options=self.options, value=None, layout=ipywidgets.Layout(width="auto", max_width="100%")
        )
        self._button = ipywidgets.Button(description="Commit", button_style="primary", disabled=True)
        self._said = ipywidgets.HTML()
        words = ipywidgets.HTML(f"<b>Predict:</b> {html.escape(question)}", layout={"max_width": "100%"})
        super().__init__((words, self._choice, ipywidgets.HBox((self._button, self._said))))
        self._choice.observe(self._chosen, names="value")
        self._button.on_click(lambda _: self.commit())
        if (kept := _committed().get(key)) in self.options:
            self._choice.value = kept
            self._close()

    def commit(self) -> None:
        """Keep the present choice; from now on it cannot be changed."""
        if self._choice.value is not None:
            _here[self.key] = self._choice.value
            _write(_read() | {self.key: self._choice.value})
            self._close()

    def _chosen(self, _change) -> None:
        self._button.disabled = self._choice.value is None

    def _close(self) -> None:
        self._choice.disabled = self._button.disabled = True
        self._said.value = f'<span role="status">Your prediction is kept. {AFTER}</span>'

    def __repr__(self) -> str:
        return "\n".join([f"Predict: {self.question}", *(f"  ( ) {option}" for option in self.options)])

    def _repr_mimebundle_(self, **_):
        """Beside the control the whole question as text, for pages without a kernel; ipywidgets would cut it off."""
        bundle = super()._repr_mimebundle_() or {}
        return bundle | {"text/plain": repr(self)}


def prediction(key: str, question: str, options: Sequence[str]) -> Prediction:
    """Ask for a prediction. A choice that was committed is kept, also when the kernel is restarted.

    It is kept in ``predictions.json`` in the course's cache folder (``$WBC_TUTORIAL_CACHE``, else the user's). Where
    that cannot be written it lasts as long as the kernel.

    Parameters
    ----------
    key : str
        Names the question: the notebook's number, a space, a word, such as ``"02 stain"``.
    question : str
        What is asked, without the word Predict.
    options : sequence of str
        What can be answered, two or more.

    Raises
    ------
    ValueError
        Fewer than two options, or the same twice.

    See Also
    --------
    predictions_made : how many were committed.

    Examples
    --------
    >>> prediction("99 coin", "Heads or tails?", ("heads", "tails"))
    Predict: Heads or tails?
      ( ) heads
      ( ) tails
    """
    options = (options,) if isinstance(options, str) else tuple(options)
    if len(options) < 2 or len(set(options)) < len(options):
        raise ValueError(f"options {options!r}: expected two or more different answers, such as ('rise', 'fall')")
    return Prediction(str(key), str(question), options)


def predictions_made() -> None:
    """Print how many of the predictions that this notebook has asked were committed, and what they were."""
    kept = _committed()
    made = {key: kept[key] for key, options in _asked.items() if kept.get(key) in options}
    print(f"Predictions committed: {len(made)} of {len(_asked)}.")
    for key in _asked:
        print(f"  {'✓' if key in made else '·'} {key}" + (f": {made[key]}" if key in made else ""))


def forget_predictions(notebook: str = "") -> None:
    """Forget what was committed, so that all can be answered anew.

    Parameters
    ----------
    notebook : str, default=""
        Number of a notebook, such as ``"02"``; "" forgets all.
    """
    for key in [key for key in _here if key.startswith(notebook)]:
        del _here[key]
    kept = _read()
    left = {key: choice for key, choice in kept.items() if not key.startswith(notebook)}
    if left != kept:
        _write(left)


def _committed() -> dict[str, str]:
    return _read() | _here


def _file() -> Path:
    return cache_folder() / "predictions.json"


def _read() -> dict[str, str]:
    """Return what earlier sessions committed; nothing where nothing readable is there."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {key: choice for key, choice in kept.items() if isinstance(choice, str)}


def _write(kept: dict[str, str]) -> None:
    """Write a whole file under another name, then rename it; a folder that cannot be written stops nobody."""
    part = None
    try:
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix="predictions-", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file, ensure_ascii=False, indent=1)
        Path(part).replace(path)
    except OSError:
        if part is not None:
            Path(part).unlink(missing_ok=True)
