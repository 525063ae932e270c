"""Prediction: a saved network names the cells of a prepared set, in one table."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.prepared import domains_below, load_every_image
from wbc_tutorial.evaluation.adaptation import StepBackWarning, predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments.recipes import INGREDIENTS, Recipe
from wbc_tutorial.experiments.saved_models import load_model
from wbc_tutorial.experiments.store import whole_file
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.device import choose_device

__all__ = ["Prediction", "check_new", "predict_set", "predicted", "write_table"]

AFTER = tuple(name for name, ingredient in INGREDIENTS.items() if ingredient.test or ingredient.adapt)
"""The ingredients that may be used with a network that is trained already."""


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a saved network says of the cells of prepared sets.

    Attributes
    ----------
    table : DataFrame
        As `predict_set` returns it; ``truth`` is "" where an image has no label of the model's classes.
    laboratories : array of str (N,)
        That of each row.
    cells : list of CellImages
        The images: those of all parts, one behind the other, are the rows of the table.
    classes : tuple of str
    model : str
        The file of the network.
    recipe : str
        What was done after training.
    provenance : dict
        What the model says of its training.
    """

    table: pd.DataFrame
    laboratories: np.ndarray
    cells: list[CellImages]
    classes: tuple[str, ...]
    model: str
    recipe: str
    provenance: dict

    def __repr__(self) -> str:
        n, labs = len(self.table), ", ".join(dict.fromkeys(self.laboratories))
        return f"Prediction({n:,} images of {labs}; {(self.table.truth != '').sum():,} with labels; {self.model})"


def predict_set(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    recipe: str | Iterable[str] | None = None,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Name all cells of prepared sets with a saved network, and write one row an image.

    Parameters
    ----------
    model : path
        A file that `save_model` wrote, such as ``DIR/models/erm-fold0-seed0.pt`` of a run.
    data : path
        A prepared set, or a folder of prepared sets. Images of every label are named, and those without a label.
    out : path
        The table, a new file. It is written whole or not at all.
    recipe : str or iterable of str, default=None
        Ingredients that act after training; None = those of the recipe that the model was trained with. Every
        laboratory of `data` is treated as one that was not trained on.
    say : callable, default=print
        Told what is named and, where there are labels, the scores of each laboratory.

    Returns
    -------
    DataFrame
        What `out` holds: ``file`` (the column ``source_file`` of ``cells.csv``, else its ``id``), ``predicted``,
        ``confidence`` (the highest probability), a column of probability for each class, and ``truth`` where a set has
        labels of the model's classes; an image of another class has none.

    Raises
    ------
    FileNotFoundError, ValueError
        For a file, a set or a recipe that cannot be used, before anything is written.

    See Also
    --------
    wbc_tutorial.predict : the logits of images in memory.
    """
    check_new(out)
    return write_table(predicted(model, data, recipe=recipe, say=say), out)


def check_new(out: str | Path) -> None:
    """Refuse to write over a file."""
    if not str(out):
        raise ValueError("--out is empty: expected the name of a new table, such as named.csv")
    if Path(out).exists():
        raise ValueError(f"{out} exists, and nothing is written over: give another --out")


def write_table(prediction: Prediction, out: str | Path) -> pd.DataFrame:
    """Write the table of a prediction, and return it; without any label it has no column ``truth``.

    Parameters
    ----------
    prediction : Prediction
    out : path
        A new file. It is written whole or not at all.
    """
    check_new(out)
    table = prediction.table
    if not table.truth.any():
        table = table.drop(columns="truth")
    with whole_file(Path(out)) as file:
        file.write(table.to_csv(index=False).encode())
    return table


def predicted(
    model: str | Path,
    data: str | Path,
    *,
    recipe: str | Iterable[str] | None = None,
    say: Callable[[str], None] = print,
) -> Prediction:
    """Name all cells of prepared sets with a saved network; nothing is written.

    Parameters, errors and what is said are those of `predict_set`.
    """
    network = load_model(model)
    if network.classes is None:
        raise ValueError(f"{model} was not trained, so that its outputs have no names: give a model that a run saved")
    recipe = _after_training(network.recipe, recipe)
    where, unreadable = domains_below(data)
    sets = {folder: load_every_image(folder, classes=network.classes) for folder in _folders(where, unreadable)}
    for folder, (cells, _) in sets.items():
        _check_field(network.provenance, cells, folder)
    for problem in unreadable:
        say(f"Not used in {data}: {problem}")
    n_images = sum(len(cells) for cells, _ in sets.values())
    say(f"{n_images:,} images of {', '.join(where)}; {model}, trained on {_trained_on(network)}; recipe: {recipe}")
    network.to(choose_device().name)
    parts = [_named(network, recipe, *each, say) for each in sets.values()]
    table = pd.concat(parts, ignore_index=True)
    laboratories = table.pop("domain")
    for line in _scores(table, laboratories, network.classes):
        say(line)
    images = [cells for cells, _ in sets.values()]
    facts = network.provenance
    return Prediction(table, laboratories.to_numpy(), images, network.classes, str(model), str(recipe), facts)


def _after_training(trained_with: str, given: str | Iterable[str] | None) -> Recipe:
    """Return the ingredients to use: those given, or of the model's own those that act after training."""
    own = Recipe(trained_with)
    if given is None:
        return Recipe(name for name in own if name in AFTER)
    recipe = Recipe(given)
    if early := [name for name in recipe if name not in AFTER]:
        raise ValueError(
            f"{', '.join(early)}: the model was trained already; only {', '.join(AFTER)} act after training"
        )
    if "class_mix" in recipe and not own.even_mix:
        raise ValueError(
            "class_mix needs a head that was calibrated on validation images: train with even_mix or class_mix in "
            "--recipe, or leave it out"
        )
    Recipe([*own.training_part, *recipe])  # raises where the two exclude each other
    return recipe


def _folders(where: dict[str, list[Path]], unreadable: list[str]) -> list[Path]:
    """Return each set once, or raise when there is none that can be read."""
    if not where:
        raise ValueError(unreadable[0] if unreadable else "the set holds no image: prepare it again")
    return list(dict.fromkeys(folder for folders in where.values() for folder in folders))


def _check_field(trained_on: dict, cells: CellImages, folder: Path) -> None:
    """Refuse images of another size or physical field than those that the model was trained on."""
    size, um_per_px = trained_on.get("image_size"), trained_on.get("um_per_px")
    side = cells.images.shape[-1]
    same_pixel = um_per_px is None or np.isnan(cells.um_per_px) or np.isclose(um_per_px, cells.um_per_px)
    if size in (None, side) and same_pixel:
        return
    field = f" --field-um {round(size * um_per_px, 6):g}" if size and um_per_px else ""
    raise ValueError(
        f"{folder} has images of {_field(side, cells.um_per_px)}, and the model was trained on images of "
        f"{_field(size, um_per_px)}: prepare the set with --size {size or side}{field}"
    )


def _field(side: int | None, um_per_px: float | None) -> str:
    known = side and um_per_px and not np.isnan(um_per_px)
    return f"{side} px" + (f" that show {round(side * um_per_px, 6):g} um" if known else "")


def _trained_on(model: Classifier) -> str:
    return ", ".join(map(str, model.provenance.get("train", []))) or "laboratories that it does not name"


def _named(model: Classifier, recipe: Recipe, cells: CellImages, rows: pd.DataFrame, say: Callable) -> pd.DataFrame:
    """Return the table of one set, and the column ``domain``."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", StepBackWarning)
        logits = predict(model, cells, **recipe.predict_options(known=False))
    for warning in noted:
        say(f"Note: {warning.message}")
    probabilities = softmax(logits.astype(np.float64), axis=1)
    table = pd.DataFrame(probabilities, columns=list(cells.classes))
    table.insert(0, "file", rows["source_file" if "source_file" in rows else "id"].to_numpy())
    table.insert(1, "predicted", np.array(cells.classes)[probabilities.argmax(axis=1)])
    table.insert(2, "confidence", probabilities.max(axis=1))
    return table.assign(truth=rows.truth.to_numpy(), domain=rows.domain.to_numpy())


def _scores(table: pd.DataFrame, laboratories: pd.Series, classes: tuple[str, ...]) -> list[str]:
    """Say what each laboratory with labels scores."""
    numbers = {name: number for number, name in enumerate(classes)}
    lines = []
    for laboratory, part in table[table.truth != ""].groupby(laboratories, sort=False):
        scores = f1_scores(part.truth.map(numbers), part.predicted.map(numbers), len(classes))
        lines.append(
            f"{laboratory}: F1-micro {scores.micro:.3f}, F1-macro {scores.macro:.3f} ({len(part):,} images with labels)"
        )
    return lines
