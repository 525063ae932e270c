"""The small library behind a course in imbalanced domain generalization on white blood cells.

Importing it loads nothing heavy: ``from wbc_tutorial import losses`` and its neighbours fetch what they need.
"""

import os

__version__ = "0.2.0"

# A thread of torch that waits spins for a moment and then sleeps. By default it spins long: beside another program on
# the same processors a training step then takes several times as long. Read when torch is first imported.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")
