"""What `plots.show` puts into a page: a sharp PNG at half its size, small, in the drawn colours, with words."""

import io

import IPython.display
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from support.colours import ciede2000, lab

from wbc_tutorial.course import plots
from wbc_tutorial.course.plots.style import with_alt


@pytest.fixture
def shown(monkeypatch):
    """What is displayed: (data, metadata) of the figure, and the captions."""
    figures, captions = [], []

    def display(what, *, raw=False, metadata=None):
        (figures if raw else captions).append((what, metadata) if raw else what.data)

    monkeypatch.setattr(IPython.display, "display", display)
    with plt.rc_context():
        plots.use_style()
        yield figures, captions


def curve(**words):
    figure, axis = plt.subplots(figsize=(6, 3))
    axis.plot([0, 1], [0.9, 0.4], label="ERM")
    axis.set(**words)
    return figure


def opened(data):
    return Image.open(io.BytesIO(data))


def test_a_figure_is_shown_at_half_its_size_and_closed(shown):
    figure = curve(xlabel="step")
    plots.show(figure, "ERM falls from .9 to .4.")
    ((data, metadata),), captions = shown
    assert data["text/plain"] == metadata["image/png"]["alt"] == "ERM falls from .9 to .4."
    width, height = opened(data["image/png"]).size
    assert width > 1000 and metadata["image/png"]["width"] == width // 2
    assert metadata["image/png"]["height"] == height // 2
    assert not captions, "the words are for those who do not see the figure"
    assert not plt.fignum_exists(figure.number)


def test_without_an_alt_the_figure_says_what_it_says(shown):
    plots.show(curve(title="The fall", xlabel="step", ylabel="F1-macro"))
    plots.show(curve(title="cost in $"), "")
    plots.show(curve())
    plots.show(plots.image_row([np.zeros((8, 8, 3), np.uint8)] * 2, ["MON", "LYT"]))
    alts = [metadata["image/png"]["alt"] for _, metadata in shown[0]]
    assert alts == [
        "The fall: F1-macro against step.",
        "cost in $.",
        "This figure has no title and no labels.",
        "2 pictures side by side: MON, LYT.",
    ]
    assert not shown[1], "a title needs no caption that repeats it"


def test_the_words_of_a_row_say_what_is_seen_and_where_without_naming_more_than_the_titles():
    blank = [np.zeros((8, 8, 3), np.uint8)] * 3
    three = plots.image_row(blank, ["1", "2", "3"], seen=["NGS", "lymphocyte_typical", "a smear"])
    assert three.alt == (
        "3 pictures side by side: 1, 2, 3. To be seen: 1: two to five lobes joined by thin filaments, fine pink "
        "granules; 2: a small cell: dense round nucleus that leaves a narrow blue rim; 3: a smear."
    )
    places = ["sim_mll", "sim_mll", "my_lab"]
    two = plots.image_row(blank, ["EOS", "EOS → NGS", "MON"], seen=["EOS", "EOS", "MON"], laboratories=places)
    assert "from sim_mll (dark purple nuclei, mauve red cells, a grey to lilac ground) EOS, EOS → NGS;" in two.alt
    assert "from my_lab MON. To be seen: EOS: two lobes and" in two.alt
    one = plots.image_row(blank, ["a", "b", "c"], seen=["turned"] * 3, laboratories="sim_matek")
    assert one.alt.count("sim_matek") == 1 and one.alt.endswith("a, b, c. To be seen in each: turned.")
    many = plots.image_row(blank[:1] * 6, list("abcdef"), seen=["MYO", "PMO", "MYB", "MMZ", "NGB", "NGS"])
    assert "a: large round nucleus; b: large cell;" in many.alt and len(many.alt) <= 400
    assert plots.image_row(blank[:1] * 40, ["a title"] * 40, seen=["x " * 9] * 40).alt.endswith("a title, a title.")
    grid = plots.image_grid([blank[:2]], ["as\nsim_matek"], ["a, b", "c"]).alt
    assert grid == (
        "A table of pictures. Rows: as sim_matek (violet nuclei, pink red cells, a white to pale grey ground). "
        "Columns: a, b; c."
    )
    with pytest.raises(ValueError, match="seen has 2 entries for 3 images"):
        plots.image_row(blank, ["a", "b", "c"], seen=["x", "y"])
    with pytest.raises(ValueError, match="laboratories has 1 entries for 3 images"):
        plots.image_row(blank, ["a", "b", "c"], laboratories=["x"])


def test_the_plot_functions_own_words_come_first_and_given_ones_before_them(shown):
    figure = with_alt(curve(title="The fall"), "ERM falls\n  from .9 to .4.")
    assert plots.alt_of(figure) == "ERM falls from .9 to .4."
    plots.show(figure)
    plots.show(with_alt(curve(), "The function's words."), "The caller's words.")
    alts = [metadata["image/png"]["alt"] for _, metadata in shown[0]]
    assert alts == ["ERM falls from .9 to .4.", "The caller's words."]


def test_a_long_figure_has_a_short_alt():
    figure, axes = plt.subplots(1, 8)
    for number, axis in enumerate(axes):
        axis.set_title(f"panel {number} of an experiment with a long name, as some of them have")
    assert len(plots.alt_of(figure)) <= 400


def test_a_caption_of_its_own(shown):
    plots.show(curve(), "All of it.", caption="The fall.")
    plots.show(curve(), "All of it.", caption=" ")
    assert shown[1] == ["*The fall.*"]


def test_what_is_no_figure_is_refused():
    with pytest.raises(
        ValueError, match=r"show was given AxesImage; expected a matplotlib Figure: plots.show\(figure\)"
    ):
        plots.show(plt.imshow(np.zeros((2, 2))))


def test_the_file_is_small_and_keeps_rare_colours():
    names = [f"lab {i}" for i in range(7)]
    with plt.rc_context():
        plots.use_style()
        x, domains = np.random.default_rng(0).normal(size=(2, 2000)), np.arange(2000) % 2
        data = plots.png(plots.colour_cloud(*x, domains, names))  # five of them only in the legend
    assert len(data) < 150_000
    found = np.unique(np.asarray(opened(data).convert("RGB")).reshape(-1, 3), axis=0) / 255
    for number in range(7):
        wanted = lab(plots.series_style(number).colour)
        assert min(ciede2000(wanted, lab(tuple(colour))) for colour in found) < 3


def test_photographs_keep_their_smooth_grounds():
    ground = np.linspace(180, 250, 64)[:, None, None] * np.array([1, 0.9, 0.8])
    image = np.broadcast_to(ground, (64, 64, 3)).astype(np.uint8)
    figure = plots.image_row([image], ["cell"], side=3)
    figure.canvas.draw()
    figure.set_layout_engine("none")  # what was laid out stays: only the colours may differ
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    with plt.rc_context({"savefig.bbox": None}):
        kept = np.asarray(opened(plots.png(figure, dpi=100)).convert("RGB")).astype(int)
    assert kept.shape == drawn.shape and np.abs(kept - drawn).mean() < 2 and np.abs(kept - drawn).max() < 20
