"""Measure what a way into the course costs, from the files of a clone to a first picture and a first table.

    python data_scripts/rebuild/measure_ways.py pip
    python data_scripts/rebuild/measure_ways.py pip_cpu --torch-option=--find-links --torch-option=DIR

Ways: pip, pip_cpu, uv, uv_cpu. Each makes a new environment in a temporary folder and removes it. The row goes into
``docs/front_page/costs.json``. The _cpu ways install torch's CPU build first; --torch-option says from where (default:
PyTorch's own index of CPU builds).
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import BadInput, one_line_errors

ROOT = Path(__file__).resolve().parents[2]
COSTS = ROOT / "docs" / "front_page" / "costs.json"
WAYS = ("pip", "pip_cpu", "uv", "uv_cpu")
CPU_INDEX = ("--index-url", "https://download.pytorch.org/whl/cpu")
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "results", "downloads", "site", "__pycache__", "*.egg-info", ".*_cache"
)

PICTURE = """
import wbc_tutorial as wbc
cells = [wbc.simulator.simulate_cell("sim_acevedo", name, 3, size=128) for name in wbc.CLASSES]
open("first.png", "wb").write(wbc.plots.showing.png(wbc.plots.image_row(cells, wbc.CODES, columns=5)))
"""
FOLDERS = """
import pathlib
from PIL import Image
import wbc_tutorial as wbc
for number, look in enumerate(wbc.simulator.LOOKS):
    for name in ("eosinophil", "monocyte", "neutrophil_segmented"):
        folder = pathlib.Path(f"lab_{number}", name)
        folder.mkdir(parents=True)
        for index in range(60):
            Image.fromarray(wbc.simulator.simulate_cell(look, name, index, size=128)).save(folder / f"{index}.png")
"""
"""Three folders that stand for one's own: 180 pictures each, 25 um wide."""


def size_gb(folder: Path) -> float:
    """Return what a folder takes on disk, in gigabytes; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e9


class Way:
    """A temporary copy of the repository with an environment of its own."""

    def __init__(self, name: str, work: Path, torch_options: tuple[str, ...]):
        self.name, self.work, self.torch_options = name, work, torch_options
        self.clone, self.environment = work / "wbc_tutorial", work / "environment"
        shutil.copytree(ROOT, self.clone, ignore=NOT_COPIED)
        folder = "Scripts" if os.name == "nt" else "bin"
        self.python = str(self.environment / folder / "python")

    def timed(self, *commands: list[str]) -> tuple[int, int]:
        """Run commands in the copy, with an empty cache of cells; return seconds on the clock and of the processor."""
        given = os.environ | {"WBC_TUTORIAL_CACHE": str(self.work / "cells"), "PYTHONPATH": ""}
        start, before = time.perf_counter(), os.times()
        for command in commands:
            done = subprocess.run(command, cwd=self.clone, env=given, capture_output=True, text=True, check=False)
            if done.returncode:
                raise BadInput(f"{' '.join(command)[:200]} failed: {done.stderr.strip().splitlines()[-1:]}")
        after = os.times()  # the processor's part is 0 on Windows, which does not tell it
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return round(time.perf_counter() - start), round(used)

    def install(self) -> tuple[int, int]:
        """Make the environment and install the package into it, with nothing taken from a cache."""
        if self.name.startswith("uv"):
            make = ["uv", "venv", "-q", "--python", sys.executable, str(self.environment)]
            add = ["uv", "pip", "install", "-q", "--no-cache", "--python", self.python]
        else:
            make = [sys.executable, "-m", "venv", str(self.environment)]
            add = [self.python, "-m", "pip", "install", "-q", "--no-cache-dir"]
        first = [[*add, "torch", "torchvision", *self.torch_options]] if self.name.endswith("_cpu") else []
        return self.timed(make, *first, [*add, "-e", "."])

    def first_table(self) -> tuple[int, int]:
        """Prepare three folders, train ERM on two of them for 100 steps, test on the third."""
        self.timed([self.python, "-c", FOLDERS])
        prepare = [
            [self.python, "data_scripts/prepare.py", "folder", "--source", f"lab_{number}", "--domain", f"lab_{number}",
             "--um-per-px", str(25 / 128), "--out", f"data/lab_{number}"]
            for number in range(3)
        ]  # fmt: skip
        run = [self.python, "-m", "wbc_tutorial", "--data", "data", "--train", "lab_0,lab_1", "--unseen", "lab_2"]
        return self.timed(*prepare, [*run, "--methods", "erm", "--backbone", "small_cnn", "--steps", "100"])


def measure(name: str, torch_options: tuple[str, ...]) -> dict:
    """Return the costs of one way: seconds and gigabytes."""
    with tempfile.TemporaryDirectory() as work:
        way = Way(name, Path(work), torch_options)
        steps = {"install": way.install()}
        row = {"environment_gb": round(size_gb(way.environment), 1)}
        steps["first_picture"] = way.timed([way.python, "-c", PICTURE])
        steps["first_table"] = way.first_table()
        for name_of, (clock, processor) in steps.items():
            row |= {f"{name_of}_seconds": clock, f"{name_of}_processor_seconds": processor}
        versions = "import torch, platform; print(torch.__version__, platform.python_version())"
        torch, python = subprocess.check_output([way.python, "-c", versions], text=True).split()
    facts = {"torch": torch, "python": python, "system": platform.system(), "processors": os.cpu_count()}
    return row | facts | {"date": datetime.now(UTC).date().isoformat()}


def main(arguments: list[str] | None = None) -> None:
    """Measure one way and keep its row."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--torch-option", action="append", metavar="OPTION", help="of the line that installs torch")
    given = parser.parse_args(arguments)
    if given.way.startswith("uv") and shutil.which("uv") is None:
        raise BadInput("uv is not installed: python -m pip install uv")
    costs = json.loads(COSTS.read_text(encoding="utf-8")) if COSTS.exists() else {"ways": {}}
    costs["ways"][given.way] = measure(given.way, tuple(given.torch_option or CPU_INDEX))
    COSTS.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(costs["ways"][given.way]))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
