"""The teacher's pages, made from the notebooks as committed: complete, answered, self-contained."""

import ast
import doctest
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import nbformat
import pytest
from support.places import NOTEBOOKS, ROOT

SCRIPT = ROOT / "docs" / "teachers_pack.py"
COURSE = sorted(NOTEBOOKS.glob("*.ipynb"))
SHEETS = ("prediction_sheet", "prediction_answers", "concept_test", "concept_test_key", "glossary", "index")
each_notebook = pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and its text without styles and scripts."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.words, self.silent = [], [], False
        self.feed(source)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, pairs):
        self.tags.append((tag, dict(pairs)))
        self.silent = tag in ("style", "script")

    def handle_endtag(self, tag):
        self.silent = False

    def handle_data(self, data):
        if not self.silent:
            self.words.append(data)

    def all(self, name, **wanted):
        return [values for tag, values in self.tags if tag == name and wanted.items() <= values.items()]


def letters(text):
    """Without marks, formulas' spaces and quotation marks, which Markdown and HTML write differently."""
    return re.sub(r"[\W_]", "", text)


@pytest.fixture(scope="module")
def module():
    missing = [
        name for name in ("markdown_it", "mdit_py_plugins", "latex2mathml") if not importlib.util.find_spec(name)
    ]
    if missing:
        give_up = pytest.fail if os.environ.get("WBC_TUTORIAL_SKIP_NOTHING") else pytest.skip
        give_up(f'{", ".join(missing)} not installed; fix: python -m pip install -e ".[book]"')
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        return importlib.import_module("teachers_pack")
    finally:
        sys.path.remove(str(SCRIPT.parent))


@pytest.fixture(scope="module")
def pack(module, tmp_path_factory):
    out = tmp_path_factory.mktemp("pack") / "pack"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--out", str(out)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"open {out / 'index.html'}" in done.stdout
    return {path.stem: Page(path.read_text(encoding="utf-8")) for path in sorted(out.iterdir())}


def asked_in(path):
    """(key, question, options) of each prediction, read without the script under test."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and cell.source.startswith("wbc.widgets.prediction("):
            yield tuple(map(ast.literal_eval, ast.parse(cell.source).body[0].value.args))


def test_every_notebook_has_a_page_and_the_index_leads_to_all(pack):
    assert set(pack) == {path.stem for path in COURSE} | set(SHEETS)
    assert {values["href"] for values in pack["index"].all("a")} == {f"{name}.html" for name in pack if name != "index"}


def test_no_page_needs_another_file_or_the_network(pack):
    for name, page in pack.items():
        for tag, values in page.tags:
            assert tag not in ("link", "iframe", "video", "source", "object"), name
            assert tag == "a" or not {"href", "srcset"} & set(values), name
            assert tag != "script" or "src" not in values, name
            assert tag != "img" or values["src"].startswith("data:image/png;base64,"), name
        for values in page.all("a"):
            address = values["href"]
            assert address.startswith("https://") or address.removesuffix(".html") in pack, f"{name}: {address}"
    for template in ("projector.html", "handout.html"):
        source = (ROOT / "docs" / "site" / template).read_text(encoding="utf-8")
        assert not re.search(r"url\(|@import|https?://|fetch\(|import\(", source), template
        assert len(source) < 12_000, "a page is its notebook and a few kB"


@each_notebook
def test_a_page_shows_the_figures_of_its_notebook_with_their_alt_texts(pack, path):
    cells = nbformat.read(path, as_version=4).cells
    figures = [o for cell in cells for o in cell.get("outputs", ()) if "image/png" in o.get("data", {})]
    wanted = [" ".join(o.metadata["image/png"]["alt"].split()) for o in figures]
    assert [values["alt"] for values in pack[path.stem].all("img")] == wanted


@each_notebook
def test_a_page_has_every_section_and_keeps_the_teachers_notes_to_the_teacher(pack, path):
    page, cells = pack[path.stem], nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for heading in re.findall(r"^## (.+)$", text, re.M):
        if heading not in ("Where this comes from", "Exercises"):
            assert letters(heading) in letters(page.text), heading
    assert "For the teacher" not in page.text and "Where this comes from" not in page.text
    assert len(page.all("h1")) == 1 and len(page.all("h2")) == len(page.all("section")) - 1
    assert len({values["id"] for values in page.all("section")}) == len(page.all("section"))
    assert "Key points" in page.text and page.all("html", lang="en")


@each_notebook
def test_predictions_are_on_the_page_and_on_the_sheet_with_options_and_answer(pack, module, path):
    page, sheet, answers = pack[path.stem], pack["prediction_sheet"], pack["prediction_answers"]
    asked = list(asked_in(path))
    read = module.predictions(nbformat.read(path, as_version=4))
    assert [(p.key, p.question, p.options) for p in read] == asked and len(asked) >= 3
    assert len(page.all("section", **{"class": "predict"})) == len(asked)
    for prediction in read:
        for where in (page, sheet):
            assert all(letters(part) in letters(where.text) for part in (prediction.question, *prediction.options))
        assert letters(prediction.question + prediction.answer) in letters(answers.text)
        assert letters(prediction.answer) in letters(page.text)
        said = set(re.findall(r"[\w.-]*\w", prediction.answer.lower()))
        assert any(said & set(re.findall(r"[\w.-]*\w", text.lower())) for text in prediction.options), prediction


@each_notebook
def test_answers_are_folded(pack, path):
    page = pack[path.stem]
    folded = page.all("details")
    assert len(folded) >= len(list(asked_in(path))) + 2 and not any("open" in values for values in folded)


def test_an_answer_that_is_missing_is_named(module):
    notebook = nbformat.read(COURSE[5], as_version=4)
    for cell in notebook.cells:
        cell.source = re.sub(r"(Answers to the predictions\W+)[^;]+;", r"\1", cell.source)
    with pytest.raises(ValueError, match=r"5 predictions \(05\), 4 answers"):
        module.predictions(notebook)
    figure = nbformat.v4.new_output("display_data", {"image/png": "aGVsbG8="})
    with pytest.raises(ValueError, match="no alt text"):
        list(module.shown(nbformat.v4.new_code_cell("show(figure)", outputs=[figure])))


def test_text_is_cut_where_a_reader_would_cut_it(module):
    assert doctest.testmod(module).failed == 0
    text = "It rises (see Fig. 2). **Nobody** knows why it rises so far. A third one. Is it so?"
    assert module.key_sentences(text, opening=False) == "**Nobody** knows why it rises so far. Is it so?"
    assert module.key_sentences("First. Then\n\n$$a$$\n\nFar away.") == "First. Then\n\n$$a$$"
    assert module.render("see [01](01_class_imbalance.ipynb#x), [b](../b.toml)", inline=True) == (
        'see <a href="01_class_imbalance.html">01</a>, b'
    )


def test_what_cannot_be_written_is_said_in_one_line(module, tmp_path, capsys):
    (tmp_path / "pack").write_text("a file")
    assert module.main(["--out", str(tmp_path / "pack")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def concept_test():
    text = (ROOT / "docs" / "concept_test.md").read_text(encoding="utf-8")
    return text.split("<details>")


def test_the_concept_test_has_ten_questions_of_four_choices():
    questions = re.split(r"^\*\*\d+\.\*\* ", concept_test()[0], flags=re.M)[1:]
    assert len(questions) == 10
    for question in questions:
        choices = re.findall(r"^- ([A-D])\. (.+)$", question, re.M)
        assert [letter for letter, _ in choices] == list("ABCD") and len(dict(choices)) == 4
        assert len({text for _, text in choices}) == 4 and question.split("\n\n")[0].endswith("?")


def test_each_question_has_one_right_choice_a_reason_and_a_notebook(pack):
    rows = re.findall(r"^\| (\d+) \| ([A-D]) \| (.+) \| \[(\d\d)\]\((.+)\) \|$", concept_test()[1], re.M)
    assert [int(row[0]) for row in rows] == list(range(1, 11))
    assert {row[1] for row in rows} == set("ABCD"), "no letter is always right"
    for _, _, why, number, link in rows:
        assert why.endswith(".") and why.count(".") == 1, f"one sentence: {why}"
        assert (ROOT / "docs" / link).resolve() in COURSE and link.rsplit("/", 1)[1].startswith(number)
        assert letters(why) in letters(pack["concept_test_key"].text)
        assert letters(why) not in letters(pack["concept_test"].text), "the key is on a sheet of its own"
    assert len(pack["concept_test"].all("li")) == 40


def test_the_glossary_is_printed_whole(pack):
    words = re.findall(r"^\*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.M)
    assert len(words) > 15 and all(word in pack["glossary"].text for word in words)
