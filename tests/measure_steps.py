"""Measure what a training step of each method costs against one of ERM, on the simulated benchmark.

    python tests/measure_steps.py              12 rounds of 25 steps a method
    python tests/measure_steps.py --rounds 30

Every round trains each method for a few steps, in another order, so that a busy moment hits all alike. One thread.
Prints medians over rounds of processor time, and exits 1 when a method's step costs more than `LIMIT` of ERM's.
"""

import argparse
import statistics
import sys
import time

import torch

from wbc_tutorial import models
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.simulated import load_simulated
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.loop import fit

LIMIT = 1.10
METHODS = ("erm", "coral", "dann", "boda")


def seconds_a_step(method: str, train, steps: int) -> float:
    """Processor seconds of one training step, alignment at work from the first one."""
    settings = Settings("simulated")
    model = models.build(settings.backbone, len(train.classes))
    options = settings.fit_options(method, train.counts, model.n_features) | {"steps": steps}
    begun = time.process_time()
    fit(model, train, progress=None, **options)
    return (time.process_time() - begun) / steps


def main() -> int:
    """Measure, print, and say whether all are within the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=25)
    given = parser.parse_args()
    torch.set_num_threads(1)
    known = load_simulated(BENCHMARKS["simulated"].train)
    train = known.subset(folds(known)[0][0])
    for method in METHODS:  # warms up
        seconds_a_step(method, train, 5)
    taken = {method: [] for method in METHODS}
    for number in range(given.rounds):
        for method in METHODS[number % len(METHODS) :] + METHODS[: number % len(METHODS)]:
            taken[method].append(seconds_a_step(method, train, given.steps))
    ratios = {method: statistics.median(taken[method]) / statistics.median(taken["erm"]) for method in METHODS}
    for method, ratio in ratios.items():
        print(f"{method:6} {1000 * statistics.median(taken[method]):6.1f} ms a step, {ratio:.2f} of ERM's")
    return int(max(ratios.values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
