"""What every test run shares: with parallel workers (pyproject's ``-n 2``), one thread each, notebooks' kernels too."""

import os


def pytest_configure(config):
    """Before workers and kernels start, tell them to compute on one thread; a number already set is kept."""
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")  # as `wbc_tutorial` does, also where torch is imported first
    if config.getoption("numprocesses", default=None) or hasattr(config, "workerinput"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
