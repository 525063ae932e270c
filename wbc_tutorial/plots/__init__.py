"""Floor 6, the figures: pure functions from data to a matplotlib figure; `show` displays one with its alt text."""

from wbc_tutorial.plots.alignment import *
from wbc_tutorial.plots.boda import *
from wbc_tutorial.plots.comparison import *
from wbc_tutorial.plots.decoupling import *
from wbc_tutorial.plots.imbalance import *
from wbc_tutorial.plots.latent import *
from wbc_tutorial.plots.metrics import *
from wbc_tutorial.plots.recipes import *
from wbc_tutorial.plots.results import *
from wbc_tutorial.plots.shift import *
from wbc_tutorial.plots.smears import *
from wbc_tutorial.plots.style import *
