"""The teacher's pack: pages to project and sheets to print, made from the notebooks as committed; nothing is executed.

    python -m pip install -e ".[book]"
    python docs/teachers_pack.py --out pack

Open ``pack/index.html``. Each file is whole in itself and needs no network. `build_site.py` puts them on the site, too.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat

DOCS = Path(__file__).resolve().parent
NOTEBOOKS = DOCS.parent / "notebooks"
TEMPLATES = DOCS / "site"
sys.path.insert(0, str(TEMPLATES))
ANSWERS = re.compile(r"Answers to the predictions\*?:\s+(.+?)(?:\.(?=\s)|\s*</details>)", re.S)
DETAILS = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.S)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://)([^)\s#]*)(?:#[^)\s]*)?\)")
KEPT = re.compile(r"\$[^$]+\$|`[^`]+`|\([^()]*\)|\*\*.+?\*\*|\*[^*\s](?:.*?\S)?\*|\"[^\"]*\"", re.S)
END = "\1"
"""Stands after a hidden part that ends a sentence."""

IN_ONE_PIECE = re.compile(r"[-*] |\d+\. |\||\$\$")
"""How a list, a table or a formula begins."""

LENGTH = 420
"""The most characters of running text on one screen."""

ROWS = 18
"""The most rows of a table that can be read on a screen; a longer one is left out."""

SHEETS = {
    "prediction_sheet": "Prediction sheet",
    "prediction_answers": "Answers to the predictions",
    "concept_test": "Concept test",
    "concept_test_key": "Key to the concept test",
    "glossary": "Glossary",
}
"""File -> title of each sheet to print."""


@dataclass(frozen=True)
class Prediction:
    """A question that a notebook asks before it shows, its options, and the answer in the teacher's notes."""

    key: str
    question: str
    options: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Screen:
    """What stands on the projector at one time. All parts but `kind` are HTML."""

    kind: str
    heading: str
    body: str
    answer: str = ""


def render(text: str, inline: bool = False) -> str:
    """Return Markdown as HTML: formulas as MathML, links to notebooks as links to their pages, other files as words.

    Parameters
    ----------
    text : str
        Markdown.
    inline : bool
        Without a paragraph around it.
    """
    from markdown_it import MarkdownIt
    from mathml import draw
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def formula(content, options):
        return draw(content.strip(), "block" if options["display_mode"] else "inline")

    reader = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin, renderer=formula)

    def mend(match):
        page = re.search(r"(\d\d_\w+)\.ipynb$", match[2])
        return f"[{match[1]}]({page[1]}.html)" if page else match[1]

    text = LINK.sub(mend, text)
    html = reader.renderInline(text) if inline else reader.render(text)
    return re.sub(r'(<math[^>]*display="inline".*?</math>)([.,;:?!)]+)', r'<span class="whole">\1\2</span>', html)


def blocks(text: str) -> list[str]:
    r"""Return the paragraphs, lists, tables and formulas of Markdown without its folded parts.

    Examples
    --------
    >>> blocks("One. Two.\n\n- a\n- b")
    ['One. Two.', '- a\n- b']
    """
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    text = DETAILS.sub("", text)
    lines = text.splitlines()
    tokens = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).parse(text)
    return ["\n".join(lines[slice(*t.map)]).strip() for t in tokens if t.level == 0 and t.nesting >= 0 and t.map]


def sentences(paragraph: str) -> list[str]:
    """Cut a paragraph into sentences, never inside a formula, code, brackets, quotation marks or emphasis.

    Examples
    --------
    >>> sentences("It is **so.** Is $a. B$ new? Yes (no. 1).")
    ['It is **so.**', 'Is $a. B$ new?', 'Yes (no. 1).']
    """
    kept = []

    def hide(match):
        kept.append(match[0])
        ends = match[0][0] in '*"' and re.search(r"[.?!]\W*$", match[0])
        return f"\0{len(kept) - 1}{END if ends else chr(0)}"

    parts = re.split(rf"(?<=[.?!{END}])\s+(?=[^a-z])", KEPT.sub(hide, " ".join(paragraph.split())))
    return [re.sub(rf"\0(\d+)[\0{END}]", lambda m: kept[int(m[1])], part) for part in parts]


def key_sentences(text: str, without: tuple[str, ...] = (), lists: bool = False, opening: bool = True) -> str:
    """Return what a screen says of some prose: how it begins, its questions, what is bold in it, and its formulas.

    Parameters
    ----------
    text : str
        Markdown without headings.
    without : tuple of str
        Sentences that another screen shows.
    lists : bool
        Lists and tables as well, with the sentence before each.
    opening : bool
        Its beginning as well.
    """
    found, chosen, room = blocks(text), [], LENGTH
    for number, (block, after) in enumerate(zip(found, [*found[1:], ""], strict=False)):
        if IN_ONE_PIECE.match(block):
            fits = block.count("\n") <= ROWS if block.startswith("|") else len(block) <= 1.5 * LENGTH
            if fits and (lists or block.startswith("$$")):
                chosen.append(block)
            continue
        leads = after.startswith("$$") or (lists and bool(IN_ONE_PIECE.match(after)))
        said = [sentence for sentence in telling(block, opening and number == 0, leads) if sentence not in without]
        while said and len(" ".join(said)) > room and (chosen or len(said) > 1):
            said.pop(-2 if leads and len(said) > 1 else -1)
        if said:
            chosen.append(" ".join(said))
            room -= len(chosen[-1])
    if not chosen and opening and not without:  # nothing but a long list or table, which the page makes fit
        return "\n\n".join(found)
    if chosen and chosen[-1].endswith(":"):
        chosen[-1] = chosen[-1][:-1] + "."
    return "\n\n".join(chosen)


def telling(paragraph: str, first: bool, leads: bool) -> list[str]:
    """Return a paragraph's bold sentences and questions; its beginning, if it is the first; its end, if it leads on.

    A sentence of a few words is kept together with the one after it, or before it at the paragraph's end.
    """
    said = sentences(paragraph)
    kept = {place for place, sentence in enumerate(said) if "**" in sentence or sentence.endswith("?")}
    kept |= {0, 1} if first else set()
    kept |= {place + 1 for place in kept if place < len(said) and len(said[place]) < 30}
    if leads:
        kept |= {len(said) - 1} | ({len(said) - 2} if len(said[-1]) < 30 else set())
    return [sentence for place, sentence in enumerate(said) if place in kept]


def reading_of(text: str) -> tuple[str, str]:
    """Cut what follows a figure before the paragraph that leads to a formula: the rest gets its own screen."""
    found = blocks(text)
    formula = next((number for number, block in enumerate(found) if block.startswith("$$")), None)
    cut = len(found) if formula is None else max(formula - 1, 1)
    return "\n\n".join(found[:cut]), "\n\n".join(found[cut:])


def framing(text: str) -> tuple[str, ...]:
    """Return the sentences that lead to a prediction: the last paragraph before it, or the end of a long one."""
    said = sentences(paragraphs[-1]) if (paragraphs := blocks(text)) else []
    while len(" ".join(said)) > LENGTH // 1.4 and len(said) > 1:
        said = said[1:]
    return tuple(said)


def predictions(notebook) -> list[Prediction]:
    """Return a notebook's predictions in their order, each with its answer from the teacher's notes.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook of the course.

    Raises
    ------
    ValueError
        If the notes do not hold one answer for each prediction.
    """
    asked = [call for cell in notebook.cells if (call := prediction_call(cell))]
    notes = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown" and "For the teacher" in c.source)
    found = ANSWERS.search(notes)
    answers = re.split(r";\s+(?![^()]*\))", " ".join(found[1].split())) if found else []
    if len(answers) != len(asked):
        raise ValueError(f"{len(asked)} predictions ({asked[0][0][:2]}), {len(answers)} answers in the teacher's notes")
    return [Prediction(*call, answer) for call, answer in zip(asked, answers, strict=True)]


def prediction_call(cell) -> tuple[str, str, tuple[str, ...]] | None:
    """Return key, question and options of a cell that asks for a prediction; None for another cell."""
    if cell.cell_type != "code" or "widgets.prediction(" not in cell.source:
        return None
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    (call,) = [call for call in calls if ast.unparse(call.func).endswith("widgets.prediction")]
    return tuple(ast.literal_eval(value) for value in call.args)


def sections(notebook) -> Iterator[tuple[str, list]]:
    """Yield each heading below the title with its cells; a text cell is cut where a heading stands in it.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook of the course.
    """
    heading, cells = "", []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            cells.append(cell)
            continue
        for part in re.split(r"^(?=#{1,3} )", cell.source, flags=re.M):
            if found := re.match(r"#{1,3} (.+)\n?", part):
                yield heading, cells
                heading, cells = found[1], []
            if text := part[found.end() if found else 0 :].strip():
                cells.append(nbformat.v4.new_markdown_cell(text))
    yield heading, cells


def options_of(prediction: Prediction) -> str:
    """Return a prediction's options as an HTML list with boxes to tick."""
    return f'<ul class="options">{"".join(f"<li>{render(text, inline=True)}</li>" for text in prediction.options)}</ul>'


def shown(cell) -> Iterator[tuple[str, str]]:
    """Yield (HTML, caption) of each figure and table of a code cell, and of what is printed after a prediction."""
    reveals = "hide-output" in cell.metadata.get("tags", ())
    for out in cell.outputs:
        data = out.get("data", {})
        if "image/png" in data:
            alt = " ".join(out.metadata.get("image/png", {}).get("alt", "").split())
            if not alt:
                raise ValueError("a figure has no alt text; show it with plots.show(figure, alt=...)")
            picture = "".join(data["image/png"].split())
            yield f'<img src="data:image/png;base64,{picture}" alt="{escape(alt)}">', escape(alt)
        elif 'class="dataframe"' in (html := data.get("text/html", "")):
            table = re.search(r"<table.*?</table>", html, re.S)[0]
            if table.count("<tr") <= ROWS:
                yield re.sub(r' (?:border|style)="[^"]*"', "", table), ""
        elif reveals and (printed := out.get("text") or data.get("text/plain", "")):
            longest = max(map(len, printed.splitlines()))
            yield f'<pre style="--characters: {longest}">{escape(printed.rstrip())}</pre>', ""


def section_screens(heading: str, cells: list, answers: Iterator[Prediction]) -> Iterator[Screen]:
    """Yield the screens of one section: what it says, then its predictions and figures in their order.

    Parameters
    ----------
    heading : str
        Its heading, as HTML.
    cells : list of nbformat.NotebookNode
        Its cells.
    answers : iterator of Prediction
        The notebook's predictions from here on.
    """
    for number, cell in enumerate(cells):
        text = cells[number - 1].source if number and cells[number - 1].cell_type == "markdown" else ""
        following = cells[number + 1] if number + 1 < len(cells) else None
        if cell.cell_type == "markdown":
            leads = framing(cell.source) if following and prediction_call(following) else ()
            after_figure = number and list(shown(cells[number - 1]))
            text = reading_of(cell.source)[1] if after_figure else cell.source
            if said := key_sentences(text, leads, lists=True, opening=number == 0):
                yield Screen("text", heading, render(said))
        elif prediction_call(cell):
            asked = next(answers)
            before = f'<div class="before">{render(" ".join(framing(text)))}</div>' if text else ""
            question = f'<p class="question">{render(asked.question, inline=True)}</p>'
            answer = f"<p>{render(asked.answer, inline=True)}</p>"
            yield Screen("predict", heading, before + question + options_of(asked), answer)
        else:
            yield from output_screens(heading, cell, following)


def output_screens(heading: str, cell, following) -> Iterator[Screen]:
    """Yield a screen for each output of a code cell; printed words join the figure before them.

    Parameters
    ----------
    heading : str
        Of the section, as HTML.
    cell, following : nbformat.NotebookNode
        The cell, and the one after it, which reads its outputs if it is text.
    """
    outputs = []
    for html, caption in shown(cell):
        if outputs and html.startswith("<pre"):
            outputs[-1] = [outputs[-1][0] + html, ""]  # what is printed takes the caption's place
        else:
            outputs.append([html, caption])
    text = reading_of(following.source)[0] if following and following.cell_type == "markdown" else ""
    reading = key_sentences(text)
    for number, (html, caption) in enumerate(outputs):
        message = render(reading) if reading and number == len(outputs) - 1 else f"<p>{caption}</p>" * bool(caption)
        yield Screen("figure", heading, f'<div class="shown">{html}</div><div class="message">{message}</div>')


def screens(notebook) -> list[Screen]:
    """Return what a notebook shows on the projector, from its title to its key points.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook of the course.
    """
    first = notebook.cells[0].source
    title, question = re.search(r"^# (.+)$", first, re.M)[1], re.search(r"^\*([^*]+)\*$", first, re.M)[1]
    goals = re.search(r"\*\*You will be able to\*\*\s+((?:[-*] .+\n?(?:  .+\n?)*)+)", first)[1]
    found = [
        Screen("title", render(title, inline=True), f'<p class="question">{render(question, inline=True)}</p>'),
        Screen("points", "You will be able to", render(goals)),
    ]
    answers, exercises = iter(predictions(notebook)), False
    for heading, cells in sections(notebook):
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        name = render(heading, inline=True)
        exercises = exercises and heading != "Key points" or heading == "Exercises"
        if heading == "Check your understanding":
            asked = [(DETAILS.sub("", part), DETAILS.search(part)) for part in re.findall(r".+?</details>", text, re.S)]
            found += [Screen("question", name, render(question), render(answer[2])) for question, answer in asked]
        elif heading == "Key points":
            found.append(Screen("points", name, render(next(b for b in blocks(text) if b[0] in "-*"))))
        elif exercises or any("exercises.check_" in cell.source for cell in cells):
            found += [Screen("exercise", name, render(DETAILS.sub("", text)))] * bool(text)
            found += section_screens(name, [cell for cell in cells if cell.cell_type == "code"], answers)
        elif heading and not cells:  # a part that begins with a smaller heading
            found.append(Screen("title", name, ""))
        elif heading not in ("", "Where this comes from"):
            found += section_screens(name, cells[heading == title :], answers)  # the title's screens stand above
    return found


def sheet(asked: dict[str, list[Prediction]]) -> str:
    """Return the body of the prediction sheet: every prediction with boxes to tick and a line for the reason.

    Parameters
    ----------
    asked : dict
        Title of a notebook -> its predictions.
    """
    line, parts = '<span class="line"></span>', ["<p>Tick one box before you run the next cell, and say why.</p>"]
    for title, questions in asked.items():
        rows = "".join(
            f"<li><p>{render(p.question, inline=True)}</p>{options_of(p)}<p>Why: {line}</p></li>" for p in questions
        )
        name = f"<h2>{render(title, inline=True)}</h2><p>Name: {line}</p>"
        parts.append(f'<section>{name}<ol class="columns">{rows}</ol></section>')
    return "\n".join(parts)


def answer_sheet(asked: dict[str, list[Prediction]]) -> str:
    """Return the body of the teacher's part: every prediction with its answer, in the sheet's order."""
    parts = ["<p>For the teacher. The numbers are those of the prediction sheet.</p>"]
    for title, questions in asked.items():
        rows = "".join(
            f"<li>{render(p.question, inline=True)} <strong>{render(p.answer, inline=True)}</strong></li>"
            for p in questions
        )
        parts.append(f"<section><h2>{render(title, inline=True)}</h2><ol>{rows}</ol></section>")
    return "\n".join(parts)


def document(name: str) -> str:
    """Return the Markdown of a page of ``docs/`` without its title."""
    return re.sub(r"^# .+\n", "", (DOCS / f"{name}.md").read_text(encoding="utf-8"))


def write_pack(out: Path) -> dict[str, str]:
    """Write the teacher's pack into a folder and return file -> title, the index left out.

    Parameters
    ----------
    out : Path
        Made if it is missing; files of the same names are replaced.

    Raises
    ------
    ValueError
        If a notebook lacks an answer to a prediction or the alt text of a figure.
    """
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True)
    out.mkdir(parents=True, exist_ok=True)
    files, asked = {}, {}

    def write(template: str, name: str, title: str, **parts) -> None:
        page = templates.get_template(template).render(title=title, **parts)
        (out / f"{name}.html").write_text(page + "\n", encoding="utf-8")
        files[f"{name}.html"] = title

    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title = re.search(r"^# (.+)$", notebook.cells[0].source, re.M)[1]
        asked[title] = predictions(notebook)
        write("projector.html", path.stem, title, screens=screens(notebook))
    test, key = document("concept_test").split("<details>")
    key = DETAILS.search(f"<details>{key}")[2]
    bodies = (sheet(asked), answer_sheet(asked), render(test), render(key), render(document("glossary")))
    for (name, title), body in zip(SHEETS.items(), bodies, strict=True):
        write("handout.html", name, title, body=body, sheet=name)
    listed = dict(files)
    write("handout.html", "index", "To project and to print", body=listing(listed), sheet="index")
    return listed


def listing(files: dict[str, str], folder: str = "") -> str:
    """Return two HTML lists of links, the pages to project and the sheets to print.

    Parameters
    ----------
    files : dict
        File -> title, as `write_pack` returns it.
    folder : str
        Before each file's name in its link: ``teach/``.
    """
    parts = []
    for heading, printed in (("To project", False), ("To print", True)):
        names = [name for name in files if (Path(name).stem in SHEETS) == printed]
        rows = "\n".join(f'<li><a href="{folder}{name}">{escape(files[name])}</a></li>' for name in names)
        parts.append(f"<p><strong>{heading}</strong></p>\n<ul>\n{rows}\n</ul>")
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line; return 0 when the pack is written, 2 with one line on stderr when it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pack"), metavar="DIR")
    given = parser.parse_args(arguments)
    try:
        files = write_pack(given.out)
    except ModuleNotFoundError as error:
        print(f'{error.name} is missing; fix: python -m pip install -e ".[book]"', file=sys.stderr)
        return 2
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(files)} pages are in {given.out}: open {given.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
