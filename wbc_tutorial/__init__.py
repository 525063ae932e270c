"""The small library behind a course in imbalanced domain generalization on white blood cells.

Importing it loads nothing heavy: ``from wbc_tutorial import losses`` and its neighbours fetch what they need.
"""

__version__ = "0.1.0"
