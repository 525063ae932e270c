"""Report: what the command line prints, and the pages and figures that it leaves."""

from wbc_tutorial.report.of_leave_one_out import write_leave_one_out
from wbc_tutorial.report.of_prediction import page_beside, write_prediction
from wbc_tutorial.report.text import as_text
from wbc_tutorial.report.writing import write

__all__ = [
    "SECONDS",
    "SECONDS_WITHOUT_MAPS",
    "as_text",
    "page_beside",
    "write",
    "write_leave_one_out",
    "write_prediction",
]

SECONDS, SECONDS_WITHOUT_MAPS = 40, 10
"""How long a report takes to draw, about, with the maps of the latent space and without."""
