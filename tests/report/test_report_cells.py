"""The confused cells of a page: which are shown, their pictures, the limit of its size, and colours one can read."""

import base64
import io
import json
import re

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader
from PIL import Image
from support.report_pages import Page, cells_of, figures_of, results

from wbc_tutorial import report
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.report import cells, confused
from wbc_tutorial.report.cells import CellPictures, Cells, chosen, fill
from wbc_tutorial.report.matrices import confusions, worst
from wbc_tutorial.report.predictions import with_names


def painted(n, size=8):
    """Images of one grey each: the number of the image tells which."""
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 3, size, size)).copy()
    return CellImages(pixels, np.zeros(n, int), np.zeros(n, int), COARSE_CLASSES, ("a",))


def stored_of(truth, predicted, sure, image=None, unseen=True):
    """Predictions with a given confidence of each answer."""
    n = len(truth)
    logits = np.zeros((n, 5))
    logits[np.arange(n), predicted] = np.log(4 * np.array(sure) / (1 - np.array(sure)))
    stored = {"logits": logits, "truth": np.array(truth), "domains": np.full(n, "a"), "unseen": np.full(n, unseen)}
    return with_names(stored | {"image": np.arange(n) if image is None else np.array(image)}, list(COARSE_CLASSES))


def grey_of(text):
    return int(np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))).mean().round())


def test_a_field_shows_its_own_cells_the_surest_first_and_each_image_once():
    stored = stored_of([0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [0.5, 0.9, 0.7, 0.8, 0.6], image=[7, 9, 7, 3, 5])
    fields = chosen(stored, np.full(5, True))
    assert {pair: stored["image"][rows].tolist() for pair, rows in fields.items()} == {
        (0, 1): [9, 7], (0, 0): [3], (1, 1): [5],
    }  # fmt: skip
    assert stored["confidence"][fields[0, 1]].round(6).tolist() == [0.9, 0.7], "of two runs of image 7 the surer one"
    assert set(chosen(stored, stored["image"] == 5)) == {(1, 1)}
    many = stored_of([0] * 40, [1] * 40, np.linspace(0.3, 0.9, 40))
    assert stored["image"].size and chosen(many, np.full(40, True))[0, 1].tolist() == list(range(39, 27, -1))


def test_the_pictures_are_those_of_the_images_asked_for_over_all_parts():
    pictures = CellPictures(Cells([painted(200), painted(50)], ["x.png"] * 200), 10**6)
    assert [pictures.add(image) for image in (120, 3, 120, 203, 210)] == [0, 1, 0, 1, 2], (
        "the same pixels are kept once"
    )
    assert np.allclose([grey_of(text) for text in pictures.encoded], [120, 3, 10], atol=2)
    assert pictures.cells.file(199) == "x.png" and pictures.cells.file(200) == ""
    with pytest.raises(ValueError, match="image 250 is beyond the last one"):
        pictures.add(250)


def test_large_images_become_small_ones():
    pictures = CellPictures(Cells([painted(2, size=300)]), 10**6)
    pictures.add(1)
    with Image.open(io.BytesIO(base64.b64decode(pictures.encoded[0]))) as small:
        assert small.size == (cells.SIDE, cells.SIDE) and small.format == "JPEG"


def test_when_room_is_short_every_field_gets_one_before_any_gets_two_and_errors_come_first():
    stored = stored_of([0] * 20 + [1] * 20, [1] * 20 + [1] * 10 + [2] * 10, np.linspace(0.3, 0.9, 40))
    one = len(base64.b64encode(cells._jpeg(painted(1).images[0])))
    pictures = CellPictures(Cells([painted(40)]), int(one * 4.5))
    (filled,) = fill(pictures, [(stored, chosen(stored, np.full(40, True)))])
    assert {key: len(each) for key, each in filled.items() if each} == {"0-1": 2, "1-2": 2}
    assert pictures.left_out == 12 - 2 + 10 - 2 + 10 and pictures.budget >= 0


def test_matrices_are_percent_of_the_row_in_the_order_of_the_lineages():
    truth, predicted = [0] * 3 + [1] * 8, [0, 0, 1] + [1] * 8
    stored = {"erm": stored_of(truth, predicted, [0.6] * 11), "boda": stored_of(truth, truth, [0.6] * 11)}
    (place,) = confusions(stored, ["erm"], pictures=None)
    (matrix,), (other,) = place.matrices, place.others
    assert (place.title, matrix.method, other.method) == ("Unseen laboratory a", "ERM", "BoDA")
    assert [code for code, _ in matrix.codes] == ["BAS", "EOS", "NEU", "MON", "LYM"]
    line = next(line for line in matrix.lines if line.code == "BAS")
    basophil, eosinophil = (COARSE_CLASSES.index(name) for name in ("basophil", "eosinophil"))
    counts = {name: stored["erm"]["truth"].tolist().count(i) for i, name in enumerate(COARSE_CLASSES)}
    assert line.n_images == (str(counts["basophil"]) if counts["basophil"] else "none")
    said = {field.key: (field.text, field.words) for each in matrix.lines for field in each.fields if field.text}
    assert said["0-0"][0] == "67" and said["0-1"][0] == "33" and said["1-1"][0] == "100"
    assert said["0-1"][1].endswith(": 1 of 3 (33 %)") and basophil != eosinophil
    assert [line.fields for line in matrix.lines if line.n_images == "none"] == [[], [], []], "striped"


def test_the_worst_errors_are_the_most_frequent_ones_with_cells_to_compare():
    truth = [0] * 9 + [1] * 4 + [2] * 3
    predicted = [1] * 9 + [1] * 2 + [0] * 2 + [0] * 3
    shown = worst(
        stored_of(truth, predicted, np.linspace(0.3, 0.9, 16)), "erm", CellPictures(Cells([painted(16)]), 10**6)
    )
    assert [re.search(r": (\d+) of (\d+)", each.title).groups() for each in shown] == [
        ("9", "9"),
        ("3", "3"),
        ("2", "4"),
    ]
    assert [(len(each.wrong), len(each.right)) for each in shown] == [(6, 2), (3, 0), (2, 0)]


def test_a_page_shows_its_errors_without_script_and_all_fields_with_it(tmp_path):
    rows = results(tmp_path, runs=2)
    report.write(tmp_path, rows, cells_of())
    page = Page(tmp_path / "report.html")
    static = [each for each in page.of("img") if each not in figures_of(page)]
    assert 4 <= len(static) <= 4 * 9 and all(
        re.fullmatch(r"\w+ named \w+, confidence \.\d\d", e["alt"]) for e in static
    )
    data = json.loads(page.scripts[0])
    with np.load(tmp_path / "predictions" / "erm-fold0-seed0.npz") as found:
        wrong = (found["logits"].argmax(axis=1) != found["truth"]) & found["unseen"]
    for key, shown in data["fields"]["matrix-unseen0-erm"].items():
        assert len(shown) <= 12 and f'data-field="{key}"' in page.html
    assert wrong.any() and any(i != j for i, j in (key.split("-") for key in data["fields"]["matrix-unseen0-erm"]))
    assert "up to 12 of its cells" in page.text and "kept below 5 MB" in page.text


def test_the_pages_size_is_limited_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(confused, "room_for_cells", lambda _: 30_000)
    report.write(tmp_path, results(tmp_path), cells_of())
    page = Page(tmp_path / "report.html")
    assert sum(map(len, json.loads(page.scripts[0])["pictures"])) <= 30_000
    assert re.search(r"and is kept below 5 MB; [\d,]+ more cells found no room\.", page.text)


@pytest.mark.parametrize("given", [None, "other"])
def test_without_the_images_of_the_runs_no_cell_is_shown_and_it_is_said(tmp_path, given):
    other = cells_of(size=6) if given else None
    report.write(tmp_path, results(tmp_path), other)
    page = Page(tmp_path / "report.html")
    assert page.of("img") == figures_of(page) and "No cell can be shown" in page.text
    assert "Confused cells" not in page.text and "Click a field" not in page.text
    assert json.loads(page.scripts[0])["pictures"] == []


def contrast(first, second):
    """Contrast of two colours, as WCAG 2.2 defines it."""
    lights = []
    for colour in (first, second):
        r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour))
        lights.append(0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)
    return max(lights) / min(lights)


def colour(text):
    text = text.strip()
    if text.startswith("#"):
        digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
        return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)], float)
    return np.array(list(map(float, text.split())))


@pytest.mark.parametrize("look", [0, 1], ids=["light", "dark"])
def test_every_field_and_text_stands_out_from_its_ground(look):
    style = Environment(loader=PackageLoader("wbc_tutorial.report", ".")).get_template("style.html.j2").render()
    variables = dict(re.findall(r"--([\w-]+): ([^;}]+)", re.findall(r":root \{(.+?)\}", style, re.S)[look]))
    ground = colour(variables["ground"])
    for name in ("ink", "soft", "link", "known", "unseen"):
        assert contrast(colour(variables[name]), ground) >= (3 if name in ("known", "unseen") else 4.5), name
    assert contrast(colour(variables["soft"]), colour(variables["band"])) >= 4.5
    for base in ("right", "wrong"):
        for level in range(1, 11):
            field = level / 10 * colour(variables[base]) + (1 - level / 10) * ground
            ink = variables["light-ink" if level < 6 else "mid-ink" if level == 6 else "dark-ink"]
            assert contrast(colour(ink), field) >= 4.5, (base, level)
