"""The small library behind a course in imbalanced domain generalization on white blood cells.

Importing it loads nothing heavy: ``from wbc_tutorial import losses`` and its neighbours fetch what they need.
"""

import os

__version__ = "0.1.0"

# Threads of torch that wait should sleep, not spin: on processors shared with others a training step is then up to ten
# times faster, on idle ones about the same. It is read when torch is first imported; a value that is set is kept.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
