"""Figures: pure functions from data to a matplotlib figure; `show` displays one with its alternative text."""

from wbc_tutorial.course.plots.ablation import *
from wbc_tutorial.course.plots.alignment import *
from wbc_tutorial.course.plots.board import *
from wbc_tutorial.course.plots.boda import *
from wbc_tutorial.course.plots.comparison import *
from wbc_tutorial.course.plots.curves import *
from wbc_tutorial.course.plots.deciding import *
from wbc_tutorial.course.plots.decoupling import *
from wbc_tutorial.course.plots.forking_paths import *
from wbc_tutorial.course.plots.heatmaps import *
from wbc_tutorial.course.plots.imbalance import *
from wbc_tutorial.course.plots.intervals import *
from wbc_tutorial.course.plots.latent import *
from wbc_tutorial.course.plots.metrics import *
from wbc_tutorial.course.plots.seeing import *
from wbc_tutorial.course.plots.shift import *
from wbc_tutorial.course.plots.showing import *
from wbc_tutorial.course.plots.smears import *
from wbc_tutorial.course.plots.style import *
from wbc_tutorial.course.plots.thread import *
