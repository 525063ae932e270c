"""Saved models: a trained network in one file, with what it takes to build it again."""

import io
import json
from pathlib import Path

import torch

from wbc_tutorial import __version__
from wbc_tutorial.data.checks import path_of
from wbc_tutorial.experiments.recipes import INGREDIENTS, Recipe
from wbc_tutorial.experiments.store import whole_file
from wbc_tutorial.models import Classifier, build, check_backbone

__all__ = ["load_model", "save_model"]

FORMAT = "wbc_tutorial model 1"
"""What the file says of itself; a file that says something else is not read."""


def save_model(model: Classifier, path: str | Path, *, provenance: dict | None = None) -> None:
    """Write a network to one file: its weights, and the names that `load_model` builds it from.

    Parameters
    ----------
    model : Classifier
        Built by `wbc_tutorial.build` or a function of `wbc_tutorial.models.BACKBONES`; with a recipe, prepared by
        `wbc_tutorial.Recipe.prepare`.
    path : path
        Folders that do not exist are made. The name is given to the complete file only.
    provenance : dict, default=None
        How it was trained: text, numbers, None, and lists of them, by names of your own. `load_model` gives it back.

    Raises
    ------
    ValueError
        For what `load_model` could not build again: a backbone or a normalisation of your own; or a folder as `path`.

    See Also
    --------
    load_model : read it again.

    Notes
    -----
    Written by ``torch.save`` as tensors, names and numbers alone. It holds no code, and `load_model` reads none.
    """
    if not isinstance(model, Classifier):
        raise ValueError(f"model: got a {type(model).__name__}, expected a Classifier, such as wbc.small_cnn(13)")
    if model.backbone_name is None:
        raise ValueError(
            "the model's backbone has no name to build it from again; make the model with wbc.build(name, n_classes), "
            "or save model.state_dict() with torch.save"
        )
    if (model.normalise is not None) != any(INGREDIENTS[name].normalise for name in Recipe(model.recipe)):
        raise ValueError(
            f"the model's normalisation is not that of its recipe ({model.recipe}); set it with "
            "wbc.Recipe(...).prepare(model), so that it can be built again"
        )
    provenance = _plain(provenance)
    path = path_of("path", path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected the name of a file, such as {path / 'model.pt'}")
    content = {
        "format": FORMAT,
        "version": __version__,
        "backbone": model.backbone_name,
        "options": dict(model.options),
        "n_classes": int(model.n_classes),
        "classes": None if model.classes is None else list(model.classes),
        "recipe": model.recipe,
        "trunk": None if model.trunk is None else model.trunk.identity,
        "provenance": provenance,
        "weights": {name: values.detach().cpu() for name, values in model.state_dict().items()},
    }
    in_memory = io.BytesIO()  # torch.save does not say that a disk is full
    torch.save(content, in_memory)
    with whole_file(path) as file:
        file.write(in_memory.getbuffer())


def _plain(provenance: dict | None) -> dict:
    """Return it as what JSON holds, which `load_model` reads without running any code."""
    try:
        plain = json.loads(json.dumps({} if provenance is None else provenance))
    except (TypeError, ValueError) as error:
        raise ValueError(f"provenance: {error}; expected a dict of text, numbers, None and lists of them") from None
    if not isinstance(plain, dict):
        raise ValueError(f"provenance: got a {type(provenance).__name__}, expected a dict")
    return plain


def load_model(path: str | Path) -> Classifier:
    """Read a network that `save_model` wrote; it is on the processor and set to evaluation.

    Parameters
    ----------
    path : path

    Returns
    -------
    Classifier
        Its logits are those of the saved one. ``.classes`` says what they stand for (None when it was not trained),
        ``.recipe`` what it was prepared with, ``.provenance`` (a dict) how it was trained, if that was saved.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        A file that `save_model` did not write, or that is damaged.

    See Also
    --------
    wbc_tutorial.predict : the logits of images.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from wbc_tutorial.models import small_cnn
    >>> with TemporaryDirectory() as folder:
    ...     save_model(small_cnn(n_classes=5, width=4), f"{folder}/model.pt")
    ...     load_model(f"{folder}/model.pt")
    Classifier(small_cnn, 32 features, 5 classes, 6,441 parameters)
    """
    path = path_of("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}; wbc.save_model(model, path) writes one")
    content = _read(path)
    try:
        model = _built(content)
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise _not_ours(path, error) from None
    if model.trunk is not None and content.get("trunk") not in (None, model.trunk.identity):
        raise ValueError(
            f"{path} was trained on the features of {content['trunk']}, and {model.backbone_name} is now "
            f"{model.trunk.identity}: put the same weights back, or train again"
        )
    return model


def _read(path: Path) -> dict:
    """Return the content of the file, or say that it is not one of ours."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file may fail in any way
        careless = "weights_only" in str(error)  # torch's advice to run the code in the file
        raise _not_ours(path, ValueError("torch finds no plain tensors in it") if careless else error) from None
    said = content.get("format") if isinstance(content, dict) else None
    if said != FORMAT:
        theirs = isinstance(said, str) and said.startswith(FORMAT.rstrip("0123456789"))
        fix = "install a newer wbc_tutorial" if theirs else "give a file that wbc.save_model wrote"
        raise ValueError(f"{path}: the format is {said!r}, expected {FORMAT!r}; {fix}")
    return content


def _built(content: dict) -> Classifier:
    """Build the network and fill in its weights."""
    backbone, n_classes, classes, weights = (content[key] for key in ("backbone", "n_classes", "classes", "weights"))
    check_backbone(backbone)
    if classes is not None and (len(classes) != n_classes or not all(isinstance(name, str) for name in classes)):
        raise ValueError(f"{n_classes} logits and the classes {classes!r} do not fit")
    with torch.device("meta"):  # shapes alone: nothing is drawn, and nothing large is allocated before it is compared
        model = Recipe(content["recipe"]).prepare(build(backbone, n_classes, **content["options"]))
    model.load_state_dict(weights, assign=True)
    model.classes = None if classes is None else tuple(classes)
    model.provenance = dict(content["provenance"])
    return model.eval()


def _not_ours(path: Path, error: Exception) -> ValueError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return ValueError(f"{path}: damaged, or not a file that wbc.save_model wrote ({reason}); give another file")
