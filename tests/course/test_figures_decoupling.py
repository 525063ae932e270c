"""Figures of notebook 08: the codes in the plane of weight lengths can be read."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.plots.style import use_style
from wbc_tutorial.data.classes import CLASSES

COUNTS = np.array([93, 258, 119, 238, 47, 86, 78, 126, 737, 235, 375, 4, 4])
CROWDED = [0.92, 1.10, 1.12, 1.17, 1.09, 0.84, 0.79, 1.02, 1.05, 0.95, 1.03, 0.96, 0.96]
TOUCHING = [0.89, 1.11, 1.22, 1.11, 0.98, 0.95, 0.72, 0.79, 0.86, 0.97, 1.10, 1.20, 1.10]


def test_no_code_covers_another():
    with plt.rc_context():
        use_style()
        figure = plots.head_norms(COUNTS, {"before": np.array(CROWDED), "after": np.array(TOUCHING)}, CLASSES)
        figure.canvas.draw()
    for axis in figure.axes:
        boxes = [text.get_window_extent().padded(-1) for text in axis.texts]
        assert len(boxes) == len(CLASSES)
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        markers = axis.transData.transform(axis.collections[0].get_offsets())
        assert not any(box.contains(*marker) for box in boxes for marker in markers)
    plt.close(figure)
