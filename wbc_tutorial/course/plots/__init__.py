"""Figures: pure functions from data to a matplotlib figure; `show` displays one with its alt text."""

from wbc_tutorial.course.plots.alignment import *
from wbc_tutorial.course.plots.boda import *
from wbc_tutorial.course.plots.comparison import *
from wbc_tutorial.course.plots.decoupling import *
from wbc_tutorial.course.plots.imbalance import *
from wbc_tutorial.course.plots.latent import *
from wbc_tutorial.course.plots.metrics import *
from wbc_tutorial.course.plots.recipes import *
from wbc_tutorial.course.plots.results import *
from wbc_tutorial.course.plots.shift import *
from wbc_tutorial.course.plots.smears import *
from wbc_tutorial.course.plots.style import *
