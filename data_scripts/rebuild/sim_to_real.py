"""How real are the simulated cells? Train on them alone, then name real ones in five coarse classes (chance .20).

    python data_scripts/rebuild/sim_to_real.py --packs DIR [--steps N] [--cells N] [--seed S]

DIR holds ``acevedo_20.zip`` and ``raabin.zip`` (or others, see --domains): ``<domain>/<CODE>/<file>.jpg``, each the
25 um field. No real image is used in training. Prints balanced accuracy and recall per class for each domain.
"""

import argparse
import io
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from wbc_tutorial import models
from wbc_tutorial.data.classes import CLASSES, COARSE, COARSE_CLASSES, CODES
from wbc_tutorial.data.simulated import SIMULATED, load_simulated
from wbc_tutorial.evaluation import metrics
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit
from wbc_tutorial.transforms.augmentation import augment
from wbc_tutorial.transforms.normalisation import white_balance

SHARES = {
    "basophil": 1.0, "eosinophil": 1.0, "monocyte": 1.0, "lymphocyte_typical": 0.75, "lymphocyte_atypical": 0.25,
    "neutrophil_band": 0.25, "neutrophil_segmented": 0.75,
}  # fmt: skip
CODE_TO_COARSE = {code: COARSE[name] for code, name in zip(CODES, CLASSES, strict=True) if name in COARSE}
CODE_TO_COARSE["NEU"] = "neutrophil"
NOT_A_CLASS = {"acevedo_20": {"NEU"}}
"""Codes left out of a domain: in acevedo_20 NEU is the dropped prefix NEUTROPHIL."""


def balanced(images: np.ndarray) -> np.ndarray:
    """Bring the empty background of each uint8 image (N, 3, S, S), its 92nd percentile, to the same white."""
    light = white_balance(torch.as_tensor(images).float() / 255, share=0.08, white=235 / 255)
    return (255 * light).to(torch.uint8).numpy()


def vary(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Flip, turn and stain anew; another magnification and now and then another focus."""
    images = augment(images, generator, stain_jitter=0.25)
    scale = float(torch.empty(1).uniform_(0.85, 1.2, generator=generator))
    turn = (torch.eye(2, 3) * scale).expand(len(images), 2, 3)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    if torch.rand(1, generator=generator) < 0.3:
        images = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    return images.contiguous(memory_format=torch.channels_last)


def read_pack(path: Path, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Read at most `most` cells of each coarse class from ``<domain>.zip``: uint8 (N, 3, 64, 64) and labels."""
    left_out, names = NOT_A_CLASS.get(path.stem, set()), {}
    with zipfile.ZipFile(path) as pack:
        for name in pack.namelist():
            parts = name.split("/")
            if len(parts) == 3 and parts[2] and parts[1] in CODE_TO_COARSE and parts[1] not in left_out:
                names.setdefault(COARSE_CLASSES.index(CODE_TO_COARSE[parts[1]]), []).append(name)
        generator, images, labels = np.random.default_rng(seed), [], []
        for label in sorted(names):
            chosen = generator.choice(sorted(names[label]), min(most, len(names[label])), replace=False)
            for name in chosen:
                with Image.open(io.BytesIO(pack.read(str(name)))) as picture:
                    images.append(np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.BOX)))
            labels += [label] * len(chosen)
    return np.stack(images).transpose(0, 3, 1, 2), np.array(labels)


def main() -> int:
    """Simulate, train, test; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packs", type=Path, required=True, help="folder of <domain>.zip")
    parser.add_argument("--domains", default="acevedo_20,raabin", help="packs to test on")
    parser.add_argument("--cells", type=int, default=200, help="simulated cells per coarse class and laboratory")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--most", type=int, default=200, help="real cells per class and domain")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    packs = [options.packs / f"{domain}.zip" for domain in options.domains.split(",")]
    missing = [str(pack) for pack in packs if not pack.is_file()]
    if missing:
        print(f"no such pack: {', '.join(missing)}", file=sys.stderr)
        return 2

    counts = [round(options.cells * SHARES.get(name, 0.0)) for name in CLASSES]
    cells = load_simulated(counts=dict.fromkeys(SIMULATED, counts), seed=options.seed + 1)
    coarse = np.array([COARSE_CLASSES.index(COARSE.get(name, "neutrophil")) for name in CLASSES])
    cells = replace(cells, images=balanced(cells.images), labels=coarse[cells.labels], classes=COARSE_CLASSES)
    seed_everything(options.seed)
    model = models.small_cnn(len(COARSE_CLASSES))
    fit(model, cells, steps=options.steps, per_domain=16, class_balanced=True, augmentation=vary, seed=options.seed)
    model.eval().cpu()
    for pack in packs:
        images, labels = read_pack(pack, options.most, options.seed)
        batches = torch.as_tensor(balanced(images)).split(200)
        with torch.inference_mode():
            predicted = torch.cat([model(batch.float() / 255).argmax(1) for batch in batches]).numpy()
        score = metrics.balanced_accuracy(labels, predicted, len(COARSE_CLASSES))
        recalls = metrics.recalls(labels, predicted, len(COARSE_CLASSES))
        each = ", ".join(f"{name} {recall:.2f}" for name, recall in zip(COARSE_CLASSES, recalls, strict=True))
        print(f"{pack.stem}: balanced accuracy {score:.3f} on {len(labels)} real cells ({each})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
