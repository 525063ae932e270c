"""What Dask's memory setting costs a training, and that docs/cluster.md's `export` undoes it; Linux with glibc only.

python -m pytest -o addopts= -s tests/benchmarks/test_bench_allocator.py
"""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
DASK = {"MALLOC_TRIM_THRESHOLD_": "65536"}  # what `dask worker` sets for its workers
STEPS = """
import time
import numpy as np
from wbc_tutorial import models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.training.loop import fit

images = np.random.default_rng(0).integers(0, 256, (200, 3, 64, 64), dtype=np.uint8)
cells = CellImages(images, np.arange(200) % 5, np.arange(200) // 100, tuple("abcde"), ("x", "y"))
model = models.build("efficientnet_lite0", 5)
for steps in (2, 8):
    start = time.process_time()
    fit(model, cells, steps=steps, per_domain=32, progress=None)
print((time.process_time() - start) / steps)
"""


def seconds_per_step(**changes: str) -> float:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", STEPS]
    given = clean | {"OMP_NUM_THREADS": "1"} | changes
    return float(subprocess.run(command, env=given, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="MALLOC_TRIM_THRESHOLD_ is glibc's")
def test_a_worker_trains_as_fast_as_a_process_of_its_own():
    pytest.importorskip("efficientnet_lite_pytorch")
    exported = dict(re.findall(r"(MALLOC_\w+)=(\d+)", GUIDE.read_text(encoding="utf-8")))
    assert set(exported) == {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"}
    alone, dask, mended = (min(seconds_per_step(**each) for _ in range(2)) for each in ({}, DASK, exported))
    print(f"processor time a step: alone {alone:.2f} s, Dask's setting {dask:.2f} s, with `export` {mended:.2f} s")
    assert mended < 1.15 * alone and dask > 1.3 * alone
