"""Report: what the command line prints, and the page and figures that it leaves in the results folder."""

from wbc_tutorial.report.text import as_text
from wbc_tutorial.report.writing import write

__all__ = ["as_text", "write"]
