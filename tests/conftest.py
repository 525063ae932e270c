"""What all tests share: a folder for figures without a display, one cache, and one thread per worker."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # parallel workers, and the notebook kernels they start, share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
