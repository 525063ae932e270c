"""The library behind a course in imbalanced domain generalization on single white blood cells.

``import wbc_tutorial as wbc`` is the one import that a notebook needs beside numpy, torch and matplotlib. ``dir(wbc)``
lists the public names; ``_NAMES`` and ``_MODULES`` below say where each one lives. A name is loaded when it is first
used (PEP 562), so the import itself takes milliseconds and needs no torch.
"""

import importlib
import os

__version__ = "0.3.0"

# A thread of torch that waits spins for a moment and then sleeps. By default it spins long: beside another program on
# the same processors a training step then takes several times as long. Read when torch is first imported.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

_NAMES = {  # file or folder -> the public names that it holds, from the ground of the house to its top
    "data.classes": ("CELL_CLASSES", "CLASSES", "CLASSES_11", "CODES", "COARSE_CLASSES", "find_class"),
    "data.laboratories": ("FIELD_UM", "LABORATORIES"),
    "data.cell_images": ("CellImages", "concatenate"),
    "data.simulated": ("load_simulated",),
    "data.prepared": ("load_prepared",),
    "data.random_laboratories": ("random_laboratory", "random_look"),
    "data.thread": ("course_cells", "patient"),
    "data.folds": ("folds",),
    "data.counts": ("imbalance_ratio", "label_divergence", "shot_groups"),
    "data.colour": ("colour_statistics",),
    "transforms.normalisation": ("light_absorbed", "optical_density"),
    "transforms.augmentation": ("augment",),
    "models": ("build", "small_cnn"),
    "losses": (
        *("coral_loss", "domain_adversarial_loss", "reversal_strength", "reverse_gradient", "transferability"),
        *("boda_loss", "boda_lower_bound", "scaled_distances"),
    ),
    "training.device": ("choose_device", "seed_everything"),
    "training.batches": ("as_tensor", "batches"),
    "training.alignment": ("BoDA", "CORAL", "DANN"),
    "training.loop": ("fit",),
    "training.features": ("extract",),
    "training.retraining": ("retrain_classifier",),
    "evaluation.adaptation": ("predict",),
    "evaluation.metrics": (
        *("balanced_accuracy", "calibration_error", "confusion", "f1_scores"),
        *("recall_by_domain", "recall_by_shots", "recalls"),
    ),
    "evaluation.maturation": ("error_kinds",),
    "evaluation.intervals": ("image_interval", "paired_interval"),
    "evaluation.screening": ("screen",),
    "evaluation.latent": ("embed", "neighbours_kept", "separation"),
    "experiments.benchmarks": ("BENCHMARKS", "Benchmark"),
    "experiments.methods": ("METHODS",),
    "experiments.recipes": ("INGREDIENTS", "RECOMMENDED_RECIPE", "Recipe"),
    "experiments.settings": ("Settings",),
    "experiments.runner": ("run", "run_one"),
    "experiments.saved_models": ("load_model", "save_model"),
    "course.networks": ("trained_network",),
}
_MODULES = (  # whole files and folders that are public: wbc.losses, wbc.simulator, wbc.plots, ...
    *("data.simulator", "models", "losses", "experiments.ablation", "experiments.tables"),
    *("course.environment", "course.exercises", "course.plots", "course.widgets", "report"),
)
_FILE_OF = {name: file for file, names in _NAMES.items() for name in names}
_MODULE_OF = {module.rpartition(".")[2]: module for module in _MODULES}

__all__ = [*_FILE_OF, *_MODULE_OF]  # noqa: PLE0604  (all are strings)


def __getattr__(name: str):
    """Load a public name when it is first used."""
    if name in _MODULE_OF:
        value = importlib.import_module(f"{__name__}.{_MODULE_OF[name]}")
    elif name in _FILE_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_FILE_OF[name]}"), name)
    else:
        raise AttributeError(_no_such_name(name))
    globals()[name] = value  # from now on it is found without this function
    return value


def _no_such_name(name: str) -> str:
    """Return the error for a name that is not public, with the public names that resemble it."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), [public.lower() for public in __all__])
    similar = ", ".join(public for public in __all__ if public.lower() in close)
    advice = f"similar names: {similar}" if similar else "dir(wbc_tutorial) lists the public names"
    return f"wbc_tutorial has no {name!r}; {advice}"


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])
