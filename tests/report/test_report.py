"""The report: one file that loads nothing, says what the runs show and no more, and is safe to open."""

import base64
import hashlib
import json
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.places import ROOT
from support.report_pages import Page, cells_of, figures_of, results

from wbc_tutorial import report
from wbc_tutorial.__main__ import _parser
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.report import provenance
from wbc_tutorial.report.pictures import Picture
from wbc_tutorial.report.text import informative

HOSTILE = '<script>alert("x")</script>'


def made(folder, **options):
    rows = results(folder, **options)
    path, *figures = report.write(folder, rows, cells_of(options.get("unseen", ("chula",))))
    assert path == folder / "report.html" and all(figure.exists() for figure in figures)
    return Page(path), rows, {figure.name for figure in figures}


@pytest.mark.usefixtures("real_figures")
def test_page_is_one_file_with_headings_in_order_and_alt_texts(tmp_path):
    page, _, figures = made(tmp_path, runs=3, methods=("erm", "boda", "boda_plus"), unseen=("chula", "bccd"))
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    assert page.of("html") == [{"lang": "en"}]
    pictures = figures_of(page)
    assert len(pictures) == 2 + 2 + 2  # differences, calibration, UMAP
    assert all(len(picture["alt"]) > 30 and int(picture["width"]) > 400 for picture in pictures)
    cells = [picture for picture in page.of("img") if picture not in pictures]
    assert all(cell["src"].startswith("data:image/jpeg;base64,") and " named " in cell["alt"] for cell in cells)
    loading = [a[k] for _, a in page.tags for k in ("src", "data", "srcset", "action") if k in a]
    assert len(loading) == len(pictures) + len(cells)
    assert not re.search(r"url\(|@import|<(link|iframe|object)\b", page.html)
    assert {"fall.png", "confusion_erm_known.png", "confusion_boda_plus_unseen.png", "umap_boda.png"} < figures
    assert "not for diagnosis" in page.text


def test_the_result_comes_first_and_the_provenance_last(tmp_path):
    page, rows, _ = made(tmp_path, runs=3)
    known, unseen = (
        rows[(rows.method == "erm") & (rows.domain == place)].f1_macro.mean()
        for place in ("acevedo_20+raabin", "chula")
    )
    said = page.text[page.text.index("ERM scores") :]
    assert said.startswith(
        f"ERM scores F1-macro {known:.2f} on the known laboratories and {unseen:.2f} on the unseen laboratory chula: "
    )
    assert re.search(rf"a (fall|rise) of {abs(known - unseen):.2f}\.", said)
    assert re.search(r"BoDA scores highest there, .*; the 95 % interval of its difference to ERM excludes zero\.", said)
    assert [title for level, title in page.headings if level == 2] == [
        "From known to unseen laboratories", "Confused cells", "Confusion matrices", "Tables", "Differences to ERM",
        "Calibration", "Latent space (UMAP)", "Provenance",
    ]  # fmt: skip
    assert page.html.index("ERM scores") < page.html.index("<nav") < page.html.index("<img")


def test_the_contents_lead_to_every_section(tmp_path):
    page, _, _ = made(tmp_path, methods=("erm",), features=False)
    links = [link["href"] for link in page.of("a")]
    assert links == [f"#{section['id']}" for section in page.of("section")]
    assert "#differences" not in links and "#latent" not in links, "what is not there is not promised"


def test_tables_have_captions_scopes_and_the_numbers(tmp_path):
    page, rows, _ = made(tmp_path, runs=2, unseen=("chula", "bccd"))
    matrices, folded = 3 * 2, 4 + 2  # two methods in three places; metrics and shots, then the slides' numbers
    assert len(page.of("caption")) == 2 + matrices + folded + 1 + 2  # the points without interval, provenance
    assert len(page.of("table")) == len(page.of("caption")) + 1, "the figure of the fall needs no caption of its own"
    assert {head["scope"] for head in page.of("th")} == {"col", "row", "rowgroup"}
    erm = rows[(rows.method == "erm") & (rows.domain == "bccd")]
    for column in ("f1_macro", "worst_class_recall", "recall_few", "calibration_error"):
        assert f"<td>{erm[column].mean():.3f} ± {erm[column].std():.3f}</td>" in page.html
    assert '<tr><th scope="row">ERM</th>' in page.html and "0.40 ± 0.05" in page.text  # the slides' Table 2
    assert len(page.of("details")) == 2, "the many metrics are folded, and what the slides say"


def test_columns_that_say_nothing_are_left_out(tmp_path):
    rows = results(tmp_path).assign(recall_zero=np.nan)
    report.write(tmp_path, rows.assign(f1_macro_min10=rows.f1_macro - 0.1))
    page = Page(tmp_path / "report.html")
    assert "F1-macro, 10+ images" in page.text and "10+ images: over the classes with ten images or more." in page.text
    rows["f1_macro_all"] = rows["f1_macro_min10"] = rows.f1_macro
    report.write(tmp_path, rows.assign(recall_many=rows.balanced_accuracy))
    page = Page(tmp_path / "report.html")
    heads = re.findall(r'<th scope="col">([^<]+)', page.html)
    assert not {"runs", "zero-shot", "F1-macro, all classes", "F1-macro, 10+ images"} & set(heads)
    assert {"few-shot", "worst-class recall"} < set(heads)
    assert page.text.count("Each class has ten images or more, so that") == 2, "why the column is not there"


def test_a_column_that_repeats_any_other_is_left_out():
    frame = pd.DataFrame(
        {"f1_micro": ["1", "2"], "f1_macro": ["1", "2"], "a": ["3", "3"], "b": ["1", "2"], "c": ["-", "-"]}
    )
    assert list(informative(frame)) == ["f1_micro", "f1_macro", "a"]


def test_the_slides_and_their_names_are_explained_once(tmp_path):
    page, _, _ = made(tmp_path, runs=3)
    for name in ("INT_20", "MLL_20", "“Ours”", "“Ours+”"):
        assert page.text.count(name) == 1, name
    assert "a reference, and not a goal" in page.text


def test_slides_stand_beside_their_own_methods_only(tmp_path):
    page, _, _ = made(tmp_path, methods=("mixup", "group_dro"))
    assert "slides" not in page.text and "INT_20" not in page.text and "Differences" not in page.text


def test_what_is_written_is_escaped(tmp_path):
    page, rows, _ = made(tmp_path, unseen=(f"{HOSTILE}$a$b\\",), data=HOSTILE, recipe=HOSTILE, **{HOSTILE: "&"})
    assert len(page.of("script")) == 2 and "alert" not in "".join(page.scripts)
    assert HOSTILE in page.text and HOSTILE in " ".join(text for _, text in page.headings)
    assert HOSTILE in report.as_text(rows, simulated=False)


def test_only_the_scripts_of_the_page_may_run(tmp_path):
    page, *_ = made(tmp_path)
    policy = next(meta["content"] for meta in page.of("meta") if "default-src" in meta.get("content", ""))
    data, script = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert set(json.loads(data)) == {"pictures", "fields"} and len(script) < 6000
    assert "innerHTML" not in script and "eval" not in script


@pytest.mark.parametrize("runs", [1, 2])
def test_few_folds_give_numbers_and_no_finding_and_it_is_said_once(tmp_path, runs):
    page, rows, figures = made(tmp_path, runs=runs, methods=("erm", "coral", "boda"))
    assert "F1-macro minus that of ERM, in points" in page.text, "the numbers are there"
    count = {1: "One run", 2: "Two folds"}[runs]
    for text in (page.text, report.as_text(rows, simulated=False)):
        words = " ".join(text.split())
        assert words.count(f"{count} per method: numbers, no finding.") == words.count("no finding") == 1
        assert "nothing is shown" not in words and "interval +" not in words and not re.search(r"\bnan\b", words)
        assert "highest" not in words and "cannot rank them." in words
        assert re.search(r"The 3 methods score 0\.\d\d to 0\.\d\d there\.", words)
    assert not any("differences" in name for name in figures), "an empty plot is not drawn"


def test_several_folds_say_whether_the_interval_excludes_zero(tmp_path):
    page, rows, figures = made(tmp_path, runs=3)
    text = " ".join(report.as_text(rows, simulated=False).split())
    for words in (" ".join(page.text.split()), text):
        assert re.search(r"BoDA scores \.\d{3} higher than ERM in F1-macro, 95 % interval \+.* over 3 folds", words)
        assert "it excludes zero, a gain in these runs." in words
        assert words.count("Folds share training images") == 1 and "no finding" not in words
    assert any("Intervals that exclude zero: BoDA." in picture["alt"] for picture in page.of("img"))
    assert {"differences_in_domain.png", "differences_unseen.png"} < figures


def test_methods_without_a_common_run_are_not_subtracted(tmp_path):
    rows = results(tmp_path, runs=2)
    rows = rows[(rows.fold == 0) == (rows.method == "erm")]
    report.write(tmp_path, rows)
    assert "No method shares a fold and seed with ERM" in Page(tmp_path / "report.html").text
    assert "nan" not in report.as_text(rows, simulated=False)


def test_methods_are_compared_on_the_runs_that_all_have(tmp_path):
    rows = results(tmp_path, runs=2)
    report.write(tmp_path, rows[(rows.fold == 0) | (rows.method == "erm")])
    assert max(images_of_unseen_errors(tmp_path)) < 60  # of 160 images, not of 320


def images_of_unseen_errors(folder):
    """How many images the rows of the unseen laboratory's confusion matrices have, ERM's and the other method's."""
    html = Page(folder / "report.html").html
    shown = html[html.index("<h3>Unseen laboratory") : html.index('<section id="tables">')]
    totals = [int(n) for n in re.findall(r'<td class="n">(\d+)</td>', shown)]
    assert len(totals) == 2 * 4
    return totals


def cut(path):
    path.write_bytes(path.read_bytes()[:200])


def other_keys(path):
    np.savez(path, something=np.arange(3))


def other_lengths(path):
    with np.load(path) as stored:
        kept = dict(stored)
    np.savez(path, **kept | {"truth": kept["truth"][:-1]})


def other_classes(path):
    with np.load(path) as stored:
        kept = dict(stored)
    np.savez(path, **kept | {"classes": np.array(["a", "b", "c", "d", "e"])})


@pytest.mark.parametrize("damage", [cut, other_keys, other_lengths, other_classes, Path.unlink])
def test_predictions_that_cannot_be_read_are_left_out_and_named(tmp_path, damage):
    rows = results(tmp_path, runs=2)
    damage(tmp_path / "predictions" / "boda-fold1-seed0.npz")
    report.write(tmp_path, rows)
    text = " ".join(Page(tmp_path / "report.html").text.split())
    assert text.count("Missing or not readable: predictions/boda-fold1-seed0.npz.") == 1
    assert max(images_of_unseen_errors(tmp_path)) < 60, "both methods are shown on the run that is left"


def test_results_without_features_have_no_umap(tmp_path):
    page, _, figures = made(tmp_path, features=False)
    assert "UMAP" not in page.text and not any("umap" in name for name in figures)


def test_lost_files_leave_the_tables(tmp_path):
    rows = results(tmp_path)
    for path in [*(tmp_path / "predictions").iterdir(), tmp_path / "settings.json"]:
        path.unlink()
    report.write(tmp_path, rows)
    page = Page(tmp_path / "report.html")
    assert not page.of("img") and "no settings.json" in page.text and "missing or cannot be read" in page.text


def test_a_page_of_someone_else_is_not_touched(tmp_path):
    rows = results(tmp_path)
    page = tmp_path / "report.html"
    page.write_text("<h1>my own page, about wbc_tutorial report</h1>")
    with pytest.raises(ValueError, match="report.html was not written by this program, so it is not written over"):
        report.write(tmp_path, rows)
    assert page.read_text().startswith("<h1>my own") and not (tmp_path / "figures").exists()
    page.unlink()
    report.write(tmp_path, rows)
    first = page.read_bytes()
    report.write(tmp_path, rows[rows.method == "erm"])
    assert page.read_bytes() != first, "our own page is written anew"


@pytest.mark.parametrize("name", ["report.html", "figures"])
def test_a_name_that_is_taken_is_said_in_one_line(tmp_path, name):
    rows = results(tmp_path)
    (tmp_path / name).mkdir() if name == "report.html" else (tmp_path / name).write_text("x")
    with pytest.raises(ValueError, match=f"{name} is a (folder|file); the report needs .* rename") as caught:
        report.write(tmp_path, rows)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="there are no results in"):
        report.write(tmp_path, rows.iloc[:0])


def test_a_single_method_is_shown_alone(tmp_path):
    page, rows, _ = made(tmp_path, methods=("erm",))
    assert "Differences" not in page.text and sum("UMAP" in p["alt"] for p in page.of("img")) == 1
    assert "Differences" not in report.as_text(rows, simulated=False)


def test_simulated_cells_are_labelled(tmp_path):
    real = {"acevedo_20": "sim_acevedo", "raabin": "sim_matek", "chula": "sim_mll"}
    rows = results(tmp_path).replace({"domain": real | {"acevedo_20+raabin": "sim_acevedo+sim_matek"}})
    report.write(tmp_path, rows.assign(benchmark="simulated-without-sim_mll"))
    page = Page(tmp_path / "report.html")
    assert "The cells are simulated." in page.text
    assert all("(simulated cells)" in picture["alt"] for picture in figures_of(page))
    assert "Unseen laboratory chula (simulated cells)" in page.text
    assert "Unseen laboratories (simulated cells): sim_mll" in report.as_text(rows, simulated=True)
    report.write(tmp_path, rows.assign(domain=rows.domain.replace("sim_mll", "my_lab")))
    assert "The cells are simulated." not in Page(tmp_path / "report.html").text


def test_the_summary_fits_a_terminal(tmp_path):
    rows = results(tmp_path, runs=3, methods=("erm", "boda", "balanced_softmax"))
    text = report.as_text(rows, simulated=True)
    assert max(map(len, text.splitlines())) <= 100
    erm = rows[(rows.method == "erm") & (rows.domain == "chula")].f1_macro
    assert f"{erm.mean():.3f} ± {erm.std():.3f}" in text


@pytest.mark.parametrize(
    ("benchmark", "settings", "expected"),
    [
        ("simulated", {"recipe": "tta+t3a"}, "--benchmark simulated --methods erm,boda --recipe tta,t3a --folds 2"),
        ("open5-without-raabin", {}, "--benchmark open5 --leave-out raabin --data DIR --methods erm,boda --folds 2"),
        (
            "a+b-to-c d",
            {"train": ["a", "b"], "unseen": ["c d"], "classes": list(COARSE_CLASSES), "steps": 30},
            "--data DIR --train a,b --unseen 'c d' --classes 5 --steps 30 --methods erm,boda --folds 2",
        ),
    ],
)
def test_the_command_of_the_page_is_one_that_the_program_takes(benchmark, settings, expected):
    rows = pd.DataFrame({"benchmark": benchmark, "method": ["erm", "boda"], "fold": [0, 1], "seed": 3})
    (command,) = provenance.command(rows, settings)
    assert command == f"python -m wbc_tutorial {expected} --seed 3"
    given = _parser().parse_args(shlex.split(command)[3:])
    assert given.seed == 3 and given.folds == 2


def test_a_picture_says_what_it_is():
    picture = Picture(
        "fall", Figure(figsize=(8, 5)), "F1-macro on known laboratories, then on unseen ones, of five methods"
    )
    assert repr(picture) == (
        "Picture fall.png, 8.0 x 5.0 in: F1-macro on known laboratories, then on unseen ones, of fiv…"
    )


def test_the_templates_travel_with_the_package():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert "*.html.j2" in declared["wbc_tutorial.report"]
    assert {path.name for path in Path(report.__file__).parent.glob("*.j2")} == {
        "page.html.j2", "parts.html.j2", "script.html.j2", "style.html.j2",
    }  # fmt: skip
