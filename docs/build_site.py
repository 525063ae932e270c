"""The course and the pages of ``docs/`` as a static site: notebooks as committed, nothing executed or downloaded.

    python -m pip install -e ".[book]"
    python docs/build_site.py --out site [--repository OWNER/NAME]

Open ``site/index.html``. With --repository (in GitHub's workflow: its own) pages also link to it and to Binder.
"""

import argparse
import base64
import os
import posixpath
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTEBOOKS = ROOT / "notebooks"
SETTINGS = DOCS / "site"
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?://)([^)\s]+)\)")
PAGE_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def figures_as_files(cell, folder: Path, stem: str) -> None:
    """Write a cell's PNGs to ``folder/figures`` and show them through Markdown, which carries their alt text.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        A code cell; its outputs are changed.
    folder : Path
        Where the page lies.
    stem : str
        Begins the pictures' names.
    """
    for number, out in enumerate(cell.outputs):
        data = out.get("data", {})
        data.pop(WIDGET, None)  # a page has no kernel: its text says so instead
        if "image/png" not in data:
            continue
        alt = out.metadata.get("image/png", {}).get("alt", "")
        if not alt:
            raise ValueError(f"{stem}: a figure has no alt text; show it with plots.show(figure, alt=...)")
        name = f"figures/{stem}-{cell.execution_count}-{number}.png"
        (folder / "figures").mkdir(exist_ok=True)
        (folder / name).write_bytes(base64.b64decode(data["image/png"]))
        alt = re.sub(r"([\\\[\]*_`$<>])", r"\\\1", " ".join(alt.split()))
        width = out.metadata["image/png"].get("width")  # half of its dots: sharp on screens with two dots for a pixel
        size = f"{{width={int(width)}px}}" if width else ""
        out.data = {"text/markdown": f"![{alt}]({name}){size}"}


def links_between_pages(text: str, path: Path, repository: str) -> str:
    """Keep links to notebooks and to pages beside; turn others into links to the repository, or into plain text.

    Parameters
    ----------
    text : str
        Markdown.
    path : Path
        The file that it stands in.
    repository : str
        OWNER/NAME on GitHub, or an empty string.
    """

    def mend(match):
        label, target, _ = match.groups()
        inside = posixpath.normpath(posixpath.join(path.parent.relative_to(ROOT).as_posix(), target))
        is_page = inside.endswith(".ipynb") or (posixpath.dirname(inside) == "docs" and path.parent == DOCS)
        if is_page and (ROOT / inside).exists():
            return match[0]
        return f"[{label}](https://github.com/{repository}/blob/main/{inside})" if repository else label

    return PAGE_LINK.sub(mend, text)


def write_page(path: Path, folder: Path, repository: str) -> tuple[str, str]:
    """Write a notebook's page source into a folder and return its title and its question."""
    notebook = nbformat.read(path, as_version=4)
    folder.mkdir(parents=True, exist_ok=True)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            figures_as_files(cell, folder, path.stem)
        elif cell.cell_type == "markdown":
            cell.source = links_between_pages(cell.source, path, repository)
    nbformat.write(notebook, folder / path.name)
    first = notebook.cells[0].source
    title, question = re.search(r"^# (.+)$", first, re.M), re.search(r"^\*([^*]+)\*$", first, re.M)
    return title[1], question[1] if question else ""


def write_document(path: Path, folder: Path, repository: str) -> str:
    """Write a page of ``docs/`` into a folder, with the pictures that it shows, and return its name without suffix."""
    text = path.read_text(encoding="utf-8")
    for picture in PICTURE.findall(text):
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path.parent / picture, folder / picture)
    (folder / path.name).write_text(links_between_pages(text, path, repository), encoding="utf-8")
    return path.stem


def write_sources(folder: Path, repository: str = "") -> None:
    """Write the sources of all pages: the course table, every notebook and solution, the teacher's page, ``docs/``.

    Parameters
    ----------
    folder : Path
        An empty folder.
    repository : str
        OWNER/NAME on GitHub, or an empty string.
    """
    course, solutions = (sorted(where.glob("*.ipynb")) for where in (NOTEBOOKS, NOTEBOOKS / "solutions"))
    for path in solutions:
        write_page(path, folder / "solutions", repository)
    rows = []
    for path in course:
        title, question = write_page(path, folder, repository)
        solved = f"[{path.stem[:2]}](solutions/{path.name})" if NOTEBOOKS / "solutions" / path.name in solutions else ""
        rows.append(f"| [{title}]({path.name}) | {question} | {solved} |")
    teacher = NOTEBOOKS / "README.md"
    text = links_between_pages(teacher.read_text(encoding="utf-8"), teacher, repository)
    (folder / "for_teachers.md").write_text(text, encoding="utf-8")
    table = "\n".join(["| notebook | its question | solutions |", "|---|---|---|", *rows])
    index = (SETTINGS / "index.md").read_text(encoding="utf-8")
    index = index.replace("@TABLE@", table).replace("@COURSE@", "\n".join(path.stem for path in course))
    documents = [write_document(path, folder, repository) for path in sorted(DOCS.glob("*.md"))]
    index = index.replace("@DOCUMENTS@", "\n".join(documents))
    index = index.replace("@SOLUTIONS@", "\n".join(f"solutions/{path.stem}" for path in solutions))
    (folder / "index.md").write_text(index, encoding="utf-8")


def build(out: Path, repository: str = "") -> int:
    """Build the site into a folder and return Sphinx's exit status; a warning is an error.

    Parameters
    ----------
    out : Path
        Made anew. An existing folder is replaced only if it holds a site.
    repository : str
        OWNER/NAME on GitHub, or an empty string.

    Raises
    ------
    ValueError
        If `out` holds something else, or `repository` is not OWNER/NAME.
    ModuleNotFoundError
        Without the extra ``book``.
    """
    from sphinx.cmd.build import main as sphinx

    if repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"--repository is {repository!r}; expected OWNER/NAME, as in its address on GitHub")
    if out.exists() and any(out.iterdir()):
        if not (out / "objects.inv").exists():
            raise ValueError(f"{out} holds something that is no site; give another --out, or empty it")
        shutil.rmtree(out)
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "source"
        source.mkdir()
        write_sources(source, repository)
        os.environ["GITHUB_REPOSITORY"] = repository  # conf.py reads it
        settings = ["-c", str(SETTINGS), "-d", str(Path(work) / "doctrees")]
        return sphinx(["-b", "html", "-q", "-W", "--keep-going", *settings, str(source), str(out)])


def main(arguments: list[str] | None = None) -> int:
    """Read the command line; return 0 when the site is built, 2 with one line on stderr when it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("site"), metavar="DIR")
    parser.add_argument("--repository", default=os.environ.get("GITHUB_REPOSITORY", ""), metavar="OWNER/NAME")
    given = parser.parse_args(arguments)
    try:
        status = build(given.out, given.repository)
    except ModuleNotFoundError as error:
        print(f'{error.name} is missing; cure: python -m pip install -e ".[book]"', file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if status == 0:
        print(f"the site is in {given.out}: open {given.out / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
