"""You against the network: name ten cells of a known laboratory, ten of an unseen one, and compare both falls."""

import base64
import html
import io
from dataclasses import dataclass

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from wbc_tutorial.course import plots
from wbc_tutorial.course.networks import answers, trained_network
from wbc_tutorial.course.widgets.picture import Picture
from wbc_tutorial.data.classes import CLASSES, find_class
from wbc_tutorial.data.simulator import simulate_cell

__all__ = ["Quiz", "QuizCell", "quiz", "quiz_cells", "quiz_examples", "quiz_network"]

FIVE = {"NGS": "neutrophil", "EOS": "eosinophil", "LYT": "lymphocyte", "MON": "monocyte", "MYB": "myelocyte"}
"""Classes of the quiz, code -> what a beginner calls it: four that are finished, and one that is not."""

KNOWN, UNSEEN, SEED = "sim_acevedo", "sim_mll", 9
"""Both laboratories, and the seed of the cells: no training set holds them."""


@dataclass(frozen=True)
class QuizCell:
    """A cell to be named.

    Attributes
    ----------
    image : uint8 (128, 128, 3)
        What is shown; the network is given the same at 64 pixels.
    code : str
        What it is.
    laboratory : str
    """

    image: np.ndarray
    code: str
    laboratory: str


def quiz_cells() -> list[QuizCell]:
    """Return the quiz's 20 cells: two of each class in the known laboratory, then two of each in the unseen one.

    Their order within a laboratory is drawn once and the same for everyone.
    """
    cells, generator = [], np.random.default_rng(SEED)
    for laboratory in (KNOWN, UNSEEN):
        for place, code in enumerate(generator.permutation(np.repeat(list(FIVE), 2)).tolist()):
            image = simulate_cell(laboratory, code, 20 + place, seed=SEED, size=128)
            cells.append(QuizCell(image, code, laboratory))
    return cells


def quiz_examples(n: int = 3) -> dict[str, list[np.ndarray]]:
    """Return labelled cells of the known laboratory to learn from: code -> `n` images of 128 px."""
    return {code: [simulate_cell(KNOWN, code, k, seed=SEED, size=128) for k in range(n)] for code in FIVE}


def quiz_network(cells: list[QuizCell]) -> np.ndarray:
    """Return the shipped network's codes for the quiz's cells, chosen among the same five classes.

    Parameters
    ----------
    cells : list of QuizCell

    Returns
    -------
    str (N,)
    """
    small = np.stack([cell.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8) for cell in cells])
    columns = [CLASSES.index(find_class(code)) for code in FIVE]
    return np.array(list(FIVE))[answers(trained_network(), small)[:, columns].argmax(axis=1)]


class Quiz(ipywidgets.VBox):
    """One cell after the other, a button for each class, and both scores at the end.

    Attributes
    ----------
    given : list of str
        The answers so far.

    See Also
    --------
    quiz : makes one.
    """

    def __init__(self):
        self.cells, self.given = quiz_cells(), []
        self.network = quiz_network(self.cells)
        self._where, self._cell = ipywidgets.HTML(), ipywidgets.HTML()
        self._buttons = [ipywidgets.Button(description=word, layout={"width": "8em"}) for word in FIVE.values()]
        for code, button in zip(FIVE, self._buttons, strict=True):
            button.on_click(lambda _, code=code: self.name(code))
        self._again = ipywidgets.Button(description="Begin again", icon="undo")
        self._again.on_click(lambda _: self.begin())
        self._picture = Picture(layout=ipywidgets.Layout(max_width="100%"))
        self._row = ipywidgets.HBox(self._buttons, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Forget all answers and show the first cell."""
        self.given = []
        self.children = (self._where, self._cell, self._row)
        self._show()

    def name(self, code: str) -> None:
        """Answer for the cell that is shown, and go on to the next.

        Parameters
        ----------
        code : str
            One of the five.
        """
        if len(self.given) == len(self.cells):
            return
        self.given.append(code)
        if len(self.given) < len(self.cells):
            self._show()
        else:
            self._finish()

    def scores(self) -> dict[str, tuple[int, int]]:
        """Return how many of ten were right in the known and in the unseen laboratory: yours and the network's."""
        true = np.array([cell.code for cell in self.cells])
        at = np.array([cell.laboratory for cell in self.cells])
        named = {"you": np.array([*self.given, *[""] * (len(true) - len(self.given))]), "the network": self.network}
        return {
            who: tuple(int(np.sum((codes == true)[at == laboratory])) for laboratory in (KNOWN, UNSEEN))
            for who, codes in named.items()
        }

    def _show(self) -> None:
        cell, place = self.cells[len(self.given)], len(self.given)
        here = "a laboratory like that of the examples" if cell.laboratory == KNOWN else "another laboratory"
        number = f"Cell {place + 1} of {len(self.cells)}, photographed in {here}. Which class?"
        self._where.value = f'<p role="status">{html.escape(number)}</p>'
        file = io.BytesIO()
        Image.fromarray(cell.image).save(file, "PNG")
        picture = base64.b64encode(file.getvalue()).decode()
        alt = f"Cell {place + 1}, to be named"  # its name would be the answer
        self._cell.value = f'<img alt="{alt}" width="256" height="256" src="data:image/png;base64,{picture}">'

    def _finish(self) -> None:
        scores = self.scores()
        words = [f"{who}: {known} of 10, then {unseen} of 10" for who, (known, unseen) in scores.items()]
        self._where.value = f'<p role="status">Done. {html.escape("; ".join(words))}.</p>'
        figure = plots.two_falls(scores)
        self._picture.show(figure, figure.alt)
        plt.close(figure)
        self.children = (self._where, self._picture, self._again)

    def __repr__(self) -> str:
        return (
            "Run this cell to name twenty cells: ten from the laboratory of the examples, ten from another one. "
            f"The classes: {', '.join(FIVE.values())}."
        )

    def _repr_mimebundle_(self, **_):
        """Beside the control its text, for pages without a kernel; ipywidgets would cut it off."""
        bundle = super()._repr_mimebundle_() or {}
        return bundle | {"text/plain": repr(self)}


def quiz() -> Quiz:
    """Name ten cells of a known laboratory and ten of an unseen one; then your fall stands beside a network's."""
    return Quiz()
