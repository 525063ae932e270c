"""Draw the pictures of the README and of the site's first page anew, into ``docs/front_page``.

    python data_scripts/rebuild/draw_front_page.py --out results/simulated

``one_cell.png`` shows one simulated cell in three laboratories and what ERM says of it. ``board.jpg`` holds the frames
of the laboratory board. ``scores.png`` draws the shipped results. Each has its numbers in a JSON file beside it.
DIR is a results folder, such as the README's first command leaves: ERM is trained on fold 0 if it is not there yet.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import softmax

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors

from wbc_tutorial import __version__
from wbc_tutorial.course import environment, plots
from wbc_tutorial.course.widgets.laboratory import turned
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES
from wbc_tutorial.data.simulated import SIMULATED
from wbc_tutorial.data.simulator import LOOKS, simulate_cell
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.experiments import runner, tables
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.saved_models import load_model
from wbc_tutorial.experiments.settings import Settings

TARGET = Path(__file__).resolve().parents[2] / "docs" / "front_page"
RESULTS = Path(tables.__file__).parent / "results"
KNOWN, UNSEEN = SIMULATED[:2], SIMULATED[2]
BIRTHPLACE = "sim_acevedo"
"""The laboratory whose random numbers draw the cells; every look shows the same cells."""

SEED, EACH = 7, 100
"""Fresh cells, since those of the benchmark have seed 0; so many of each class."""

STAINS = (0.5, 0.75, 1.0, 1.4, 2.0)
LIGHTS = (-0.24, -0.12, 0.0, 0.12, 0.24)
FIELDS = (19.0, 22.0, FIELD_UM, 29.0, 34.0)
"""Settings of the board: stain strength, colour of the light (below 0 bluish, above reddish), side of the field, um."""

SIDE = 160
"""Pixels of one frame of the board."""


def classes_of_both() -> list[str]:
    """Name the classes that both training laboratories have."""
    counts = np.array([LABORATORIES[name].counts for name in KNOWN])
    return [name for name, least in zip(CLASSES, counts.min(axis=0), strict=True) if least]


def answers(model, images: list[np.ndarray]) -> np.ndarray:
    """Return the probabilities (N, C) that a network gives to pictures (S, S, 3)."""
    stack = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    nothing = np.zeros(len(stack), dtype=np.int64)
    return softmax(predict(model, CellImages(stack, nothing, nothing, CLASSES, ("any",))), axis=1)


def fresh_cells(model, each: int = EACH) -> pd.DataFrame:
    """Name the same fresh cells as each laboratory shows them: one line a cell, answer and confidence by laboratory."""
    cells = [(name, index) for name in classes_of_both() for index in range(each)]
    frame = pd.DataFrame(cells, columns=["truth", "index"])
    for laboratory, look in LOOKS.items():
        shown = [simulate_cell(BIRTHPLACE, name, index, seed=SEED, look=look) for name, index in cells]
        chances = answers(model, shown)
        frame[laboratory] = [CLASSES[number] for number in chances.argmax(axis=1)]
        frame[f"{laboratory}_sure"] = chances.max(axis=1)
    return frame


def summary(frame: pd.DataFrame) -> dict:
    """Count how often the network is right in both known laboratories, and then wrong in the third; pick an example.

    The example is the cell of the picture's kind, right, right and wrong, whose least sure answer is the surest.
    """
    right = frame[list(SIMULATED)].eq(frame.truth, axis=0)
    known = right[list(KNOWN)].all(axis=1)
    kind = frame[known & ~right[UNSEEN]]
    if kind.empty:
        raise ValueError(f"none of {len(frame)} cells is named right, right and wrong: train longer")
    chosen = kind.loc[kind[[f"{name}_sure" for name in SIMULATED]].min(axis=1).idxmax()]
    return {
        "cells": len(frame),
        "classes": int(frame.truth.nunique()),
        "right_in_both_known": int(known.sum()),
        "then_wrong_in_the_unseen": len(kind),
        "example": {"class": chosen.truth, "index": int(chosen["index"]), "seed": SEED, "drawn_as_in": BIRTHPLACE},
        "answers": {name: chosen[name] for name in SIMULATED},
        "confidences": {name: round(float(chosen[f"{name}_sure"]), 3) for name in SIMULATED},
    }


def readable(name: str) -> str:
    """Write a class as one says it: ``neutrophil_band`` is a band neutrophil, ``smudge_cell`` a smudge cell."""
    kind, _, which = name.partition("_")
    return f"{which} {kind}" if kind in ("neutrophil", "lymphocyte") and which else name.replace("_", " ")


def draw_example(facts: dict):
    """Draw the example as three laboratories show it, and beneath each picture what the network says."""
    example = facts["example"]
    figure, axes = plt.subplots(1, 3, figsize=(8.6, 3.75))
    for axis, name in zip(axes, SIMULATED, strict=True):
        cell = simulate_cell(BIRTHPLACE, example["class"], example["index"], seed=SEED, look=LOOKS[name], size=256)
        right = facts["answers"][name] == example["class"]
        colour = "#1b7a4b" if right else "#b3261e"
        axis.imshow(cell, interpolation="bilinear")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color=colour, linewidth=4)
        where = f"laboratory {SIMULATED.index(name) + 1}: {'known' if name in KNOWN else 'never seen'}"
        axis.set_title(where, loc="center", fontsize=14)
        said = f"{'✓' if right else '✗'} “{readable(facts['answers'][name])}”"
        axis.set_xlabel(said, fontsize=15, color=colour, fontweight="bold", labelpad=9)
    figure.suptitle(f"One simulated {readable(example['class'])}, and what the network says", fontsize=16)
    return figure


def draw_board(model, facts: dict, target: Path) -> dict:
    """Write the frames of the board as one picture, stain by light by field, and return the network's answers."""
    example = facts["example"]
    frames, seen = [], []
    for stain in STAINS:
        for light in LIGHTS:
            for field in FIELDS:
                look = turned(LOOKS[BIRTHPLACE], stain=stain, warmth=light)
                for size, into in ((SIDE, frames), (64, seen)):
                    into.append(
                        simulate_cell(
                            BIRTHPLACE, example["class"], example["index"], seed=SEED, size=size, look=look,
                            field_um=field,
                        )
                    )  # fmt: skip
    rows = [np.hstack(frames[start : start + len(FIELDS)]) for start in range(0, len(frames), len(FIELDS))]
    Image.fromarray(np.vstack(rows)).save(target / "board.jpg", quality=80, optimize=True)
    chances = answers(model, seen)
    return {
        "cell": readable(example["class"]),
        "laboratory": BIRTHPLACE,
        "side": SIDE,
        "stain": STAINS,
        "light": LIGHTS,
        "field_um": FIELDS,
        "answers": [readable(CLASSES[number]) for number in chances.argmax(axis=1)],
        "confidences": [round(float(value), 2) for value in chances.max(axis=1)],
    }


def digest(name: str) -> str:
    """Return digits that change with the shipped rows of a benchmark, whatever the line breaks."""
    return hashlib.sha256((RESULTS / f"{name}.csv").read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


def draw_scores():
    """Draw the shipped F1-macro of five methods on known and unseen laboratories, a dot a fold; return the figure."""
    panels = {"simulated": "Simulated cells, 13 classes", "open5": "Real cells, 5 coarse classes"}
    methods = ["erm", "coral", "dann", "boda", "boda_plus"]
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.5), sharey=True)
    for axis, (name, title) in zip(axes, panels.items(), strict=True):
        rows = tables.shipped(name)
        for split, colour, marker, label in (
            ("in_domain", "#0072B2", "o", "known laboratories"),
            ("unseen", "#CB5F00", "s", "unseen laboratories"),
        ):
            runs = tables.per_run(rows, split, ("f1_macro",)).groupby(["method", "fold"]).f1_macro.mean()
            for y, method in enumerate(methods):
                axis.plot(runs[method], [y] * len(runs[method]), marker, color=colour, alpha=0.35, ms=5)
                mean = runs[method].mean()
                axis.plot(mean, y, marker, color=colour, ms=10, mec="white", label=label if not y else None)
                axis.annotate(
                    f"{mean:.2f}".lstrip("0"), (mean, y), (0, 8), textcoords="offset points", ha="center", fontsize=12
                )
        axis.set(xlim=(0, 1.05), ylim=(len(methods) - 0.5, -0.75), xlabel="F1-macro")
        axis.set(yticks=range(len(methods)), yticklabels=[METHODS[method] for method in methods])
        axis.set_title(title)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def draw_all(out: Path, target: Path, *, steps: int | None = None, each: int = EACH) -> None:
    """Train if needed, measure, and write the pictures and their numbers."""
    settings = Settings("simulated", steps=steps)
    runner.run(settings, ("erm",), out=out)
    model = load_model(out / "models" / "erm-fold0-seed0.pt")
    model.eval()
    facts = summary(fresh_cells(model, each))
    facts |= {"command": "python data_scripts/rebuild/draw_front_page.py --out results/simulated"}
    facts |= {"network": settings.backbone, "steps": settings.total_steps, "version": __version__}
    target.mkdir(parents=True, exist_ok=True)
    write(target / "one_cell.json", facts)
    (target / "one_cell.png").write_bytes(plots.showing.png(draw_example(facts)))
    write(target / "board.json", draw_board(model, facts, target))
    scores(target)


def scores(target: Path) -> None:
    """Draw the shipped results, and note which rows were drawn."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "scores.png").write_bytes(plots.showing.png(draw_scores()))
    write(target / "scores.json", {"rows": {name: digest(name) for name in ("simulated", "open5")}})


def write(path: Path, facts: dict) -> None:
    """Write facts as JSON."""
    path.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    print(path)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and draw."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("--out", type=Path, default=Path("results/simulated"), metavar="DIR", help="results folder")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--only-scores", action="store_true", help="draw scores.png alone, without a network")
    given = parser.parse_args(arguments)
    environment.use_threads()
    plots.use_style()
    if given.only_scores:
        scores(given.target)
    else:
        draw_all(given.out, given.target)


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
