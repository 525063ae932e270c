"""The library behind a course in imbalanced domain generalization on single white blood cells.

``import wbc_tutorial as wbc`` is the one import that a notebook needs beside numpy, torch and matplotlib. Names are
loaded when they are first used (PEP 562): the import itself takes milliseconds and needs no torch.
"""

import importlib
import os

__version__ = "0.3.0.dev0"

# A thread of torch that waits spins for a moment and then sleeps. By default it spins long: beside another program on
# the same processors a training step then takes several times as long. Read when torch is first imported.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

_ROOMS = {  # room or file -> the public names that live there; an empty list: the room itself is the public name
    "data.classes": ["CELL_CLASSES", "CLASSES", "CLASSES_11", "CODES", "COARSE_CLASSES", "LINEAGES", "find_class"],
    "data.laboratories": ["FIELD_UM", "LABORATORIES", "OPEN_SETS"],
    "data.cell_images": ["CellImages", "concatenate"],
    "data.simulated": ["load_simulated"],
    "data.prepared": ["load_prepared"],
    "data.folds": ["folds"],
    "data.counts": ["imbalance_ratio", "label_divergence", "shot_groups"],
    "data.colour": ["colour_statistics"],
    "data.simulator": [],
    "transforms.augmentation": ["augment"],
    "transforms.normalisation": ["light_absorbed", "optical_density"],
    "losses": [
        "boda_image_bounds",
        "boda_loss",
        "boda_lower_bound",
        "coral_loss",
        "domain_adversarial_loss",
        "reversal_strength",
        "reverse_gradient",
        "scaled_distances",
        "transferability",
    ],
    "models": ["build", "small_cnn"],
    "training.alignment": ["BoDA", "CORAL", "DANN"],
    "training.batches": ["as_tensor", "batches"],
    "training.device": ["choose_device", "seed_everything"],
    "training.features": ["extract"],
    "training.loop": ["fit"],
    "training.retraining": ["retrain_classifier"],
    "evaluation.intervals": ["paired_interval"],
    "evaluation.latent": ["embed", "neighbours_kept", "separation"],
    "evaluation.metrics": [
        "balanced_accuracy",
        "calibration_error",
        "confusion",
        "f1_scores",
        "recall_by_domain",
        "recall_by_shots",
        "recalls",
    ],
    "evaluation.adaptation": ["predict"],
    "experiments.benchmarks": ["BENCHMARKS", "Benchmark"],
    "experiments.methods": ["METHODS"],
    "experiments.recipes": ["CHOSEN_RECIPE", "INGREDIENTS", "Recipe"],
    "experiments.runner": ["run", "run_one"],
    "experiments.saved_models": ["load_model", "save_model"],
    "experiments.settings": ["Settings"],
    "experiments.ablation": [],
    "experiments.tables": [],
    "course.environment": [],
    "course.exercises": [],
    "course.plots": [],
    "course.widgets": [],
    "report": [],
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}
_HOME |= {room.rpartition(".")[2]: room for room, names in _ROOMS.items() if not names}

__all__ = ["losses", "models", *_HOME]  # noqa: PLE0604  (all are strings)


def __getattr__(name: str):
    """Load a public name when it is first used."""
    if name in ("losses", "models"):
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"wbc_tutorial has no {name!r}; dir(wbc_tutorial) lists what there is")
    room = importlib.import_module(f"{__name__}.{_HOME[name]}")
    value = getattr(room, name) if _ROOMS[_HOME[name]] else room
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*__all__, "__version__"})
