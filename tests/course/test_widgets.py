"""Every interactive figure: its picture has words for those who do not see it, and they follow the controls."""

from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest

from wbc_tutorial.course import plots, widgets
from wbc_tutorial.data.classes import CLASSES

LABELS, DOMAINS = np.tile([0, 1], 20), np.repeat([0, 1], 20)
Z = np.random.default_rng(0).uniform(-1, 1, (40, 2))
HEAD = np.array([[-1.0, 0.3], [1.0, 0.2]]), np.zeros(2)
FIGURES = {
    "interactive_imbalance": widgets.interactive_imbalance,
    "interactive_ingredients": widgets.interactive_ingredients,
    "interactive_laboratory": widgets.interactive_laboratory,
    "interactive_neighbours": lambda: widgets.interactive_neighbours(
        {(n, m): n * Z + m for n in (3, 9) for m in (0.0, 0.8)}, Z, LABELS, DOMAINS, classes=CLASSES,
        domain_names=("a", "b"),
    ),
    "interactive_price": lambda: widgets.interactive_price(
        lambda name, t, price, ill: ill * price * t + (1 - ill) * (1 - t), np.linspace(0, 1, 11), ["known"]
    ),
    "interactive_reversal": lambda: widgets.interactive_reversal(
        {(name, s): (Z * (1 - s), *HEAD) for name in ("even", "uneven") for s in (0, 0.5)},
        {"even": LABELS, "uneven": 1 - LABELS}, DOMAINS,
    ),
}  # fmt: skip
SAYS = {
    "interactive_imbalance": "imbalance ratio 10, 1680 images. Always naming the largest scores F1-micro 0.19, F1",
    "interactive_ingredients": "One eosinophil from each of sim_matek, sim_acevedo, sim_mll",
    "interactive_laboratory": "A simulated eosinophil under the turned knobs, beside sim_mll",
    "interactive_neighbours": "coloured by laboratory; n_neighbors 9, min_dist 0.8: keeps",
    "interactive_price": "Cost per patient against the threshold of the alarm. known is cheapest at 0.00",
    "interactive_reversal": "% of the images lie in the region of their class",
}


@pytest.fixture(autouse=True, params=[plots.use_style, lambda: None], ids=["course's style", "matplotlib's"])
def style(request):
    with plt.rc_context():
        request.param()
        yield


def read_alt(figure):
    """Return the alternative text of the one picture in the page."""
    pictures = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            pictures.append(dict(attrs) | {"tag": tag})

    Reader().feed(figure._picture.value)
    (picture,) = pictures
    assert picture["tag"] == "img" and picture["src"].startswith("data:image/png;base64,")
    return picture["alt"]


def turn(control):
    """Give a control another value: a menu its last, a slider its largest, or its smallest where it stood there."""
    if hasattr(control, "options"):
        control.index = len(control.options) - 1 if control.index != len(control.options) - 1 else 0
    else:
        control.value = control.max if control.value != control.max else control.min


def test_every_interactive_figure_is_held_here():
    drawn_by_the_page = {"interactive_points"}  # see test_draggable_points
    named = {name for name in widgets.__all__ if name.startswith("interactive_")}
    assert named - drawn_by_the_page == set(FIGURES) == set(SAYS)


@pytest.mark.parametrize("name", FIGURES)
def test_the_alternative_text_follows_each_control(name):
    figure = FIGURES[name]()
    alt = read_alt(figure)
    assert SAYS[name] in alt and ": ." not in alt and len(alt) < 600 and figure._picture.png.startswith(b"\x89PNG")
    for control in figure._controls.values():
        assert f"{control.description} " in alt
        turn(control)
        before, alt = alt, read_alt(figure)
        assert alt != before, control.description
    assert not plt.get_fignums()


def test_odd_characters_stay_within_the_alternative_text():
    picture = widgets.Picture()
    picture.show(plt.figure(figsize=(2, 1)), 'a "<b>" & c')
    assert 'alt="a &quot;&lt;b&gt;&quot; &amp; c" width="200" height="100"' in picture.value


def test_more_laboratories_than_colours_are_all_drawn():
    n = 20
    points = np.random.default_rng(0).normal(size=(4 * n, 2))
    names = [f"laboratory {number}" for number in range(n)]
    figure = widgets.interactive_neighbours(
        {(3, 0.1): points}, points, np.tile([0, 1], 2 * n), np.repeat(np.arange(n), 4), classes=CLASSES,
        domain_names=names,
    )  # fmt: skip
    drawn = plots.latent_grid({"all": points}, np.repeat(np.arange(n), 4), names, classes=False)
    texts = {text.get_text() for text in drawn.findobj(plt.Text)}
    assert figure._picture.png.startswith(b"\x89PNG") and set(names) <= texts
