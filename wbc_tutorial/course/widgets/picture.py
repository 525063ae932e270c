"""A picture with its alternative text, which a screen reader reads aloud."""

import base64
import html
import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["Picture", "title_of"]


class Picture(ipywidgets.HTML):
    """A figure as PNG with its alternative text, which `ipywidgets.Image` cannot hold.

    Attributes
    ----------
    png : bytes
    alt : str
    """

    png, alt = b"", ""

    def show(self, figure: Figure, alt: str) -> None:
        """Show a figure at its own size: as long as its size stays the same, the page does not move.

        It is drawn once. `Figure.savefig` would draw twice, and cut the margins to the present text.
        """
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels, file = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"), io.BytesIO()
        pixels.save(file, "PNG", compress_level=3)
        self.png, self.alt = file.getvalue(), alt
        width, height = pixels.size
        self.value = (
            f'<img alt="{html.escape(alt)}" width="{width}" height="{height}" style="max-width: 100%; height: auto" '
            f'decoding="sync" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'
        )


def title_of(axes: Axes) -> str:
    """Return the title of the axes on one line, on whichever side the present style puts it."""
    return " ".join(axes.get_title(loc=plt.rcParams["axes.titlelocation"]).split())
