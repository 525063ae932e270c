"""What a step of the training loop costs with each method, against one with ERM: drawn, augmented, trained.

Every round trains each method for a few steps, in another order, so that a busy moment hits all alike. Processor time
of one thread, medians over rounds.
"""

import statistics
import time

from wbc_tutorial import models
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.simulated import load_simulated
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.loop import fit

METHODS = ("erm", "coral", "dann", "boda")
LIMIT, ROUNDS, STEPS = 1.10, 12, 25


def seconds_a_step(method, train):
    settings = Settings("simulated")
    model = models.build(settings.backbone, len(train.classes))
    options = settings.fit_options(method, train.counts, model.n_features) | {"steps": STEPS}
    begun = time.process_time()
    fit(model, train, progress=None, **options)
    return (time.process_time() - begun) / STEPS


def test_no_method_costs_a_tenth_more_than_erm():
    known = load_simulated(BENCHMARKS["simulated"].train)
    train = known.subset(folds(known)[0][0])
    taken = {method: [] for method in METHODS}
    for number in range(ROUNDS + 1):
        first = number % len(METHODS)
        for method in METHODS[first:] + METHODS[:first]:
            seconds = seconds_a_step(method, train)
            taken[method] += [seconds] if number else []  # the first round warms up
    medians = {method: statistics.median(each) for method, each in taken.items()}
    for method, each in medians.items():
        print(f"\n{method}: {1e3 * each:.1f} ms a step, {each / medians['erm']:.2f} times ERM's", end="")
    assert max(medians.values()) <= LIMIT * medians["erm"]
