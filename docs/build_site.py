"""The course and the pages of ``docs/`` as a static site: notebooks as committed, nothing executed or downloaded.

    python -m pip install -e ".[book]"
    python docs/build_site.py --out site [--repository OWNER/NAME]

Open ``site/index.html``. With --repository (in GitHub's workflow: its own) pages also link to it, Binder and Colab.
"""

import argparse
import base64
import copy
import json
import os
import posixpath
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from packaging.version import Version

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTEBOOKS = ROOT / "notebooks"
SETTINGS = DOCS / "site"
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?://)([^)\s]+)\)")
FRONT_PAGE = DOCS / "front_page"
RESEARCH = (
    "own_laboratories",
    "add_a_method",
    "results",
    "how_the_recipe_was_chosen",
    "leave_one_laboratory_out",
    "data_cards",
    "cluster",
    "decisions",
)
"""The pages of the sidebar's third part; the others stand in the first two (`site/index.md`)."""

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


def place_in_site(inside: str) -> str:
    """Return where a file of the repository lies in the site's sources; "" for one that is no page.

    Parameters
    ----------
    inside : str
        Path in the repository, with slashes.
    """
    if inside == "notebooks/README.md":
        return "for_teachers.md"
    if inside == "notebooks/solutions":
        return "solutions/index.md"
    folder, _, name = inside.rpartition("/")
    if name.endswith(".ipynb") and folder in ("notebooks", "notebooks/solutions"):
        return inside.removeprefix("notebooks/")
    return name if folder == "docs" and name.endswith(".md") else ""


def links_between_pages(text: str, path: Path, repository: str) -> str:
    """Let links to other pages lead to them; turn other links into links to the repository, or into plain text.

    Parameters
    ----------
    text : str
        Markdown.
    path : Path
        The file that it stands in.
    repository : str
        OWNER/NAME on GitHub, or an empty string.
    """
    own_folder = posixpath.dirname(place_in_site(path.relative_to(ROOT).as_posix()))

    def mend(match):
        label, target, anchor = match.groups()
        inside = posixpath.normpath(posixpath.join(path.parent.relative_to(ROOT).as_posix(), target))
        page = place_in_site(inside)
        if page and (ROOT / inside).exists():
            return f"[{label}]({posixpath.relpath(page, own_folder or '.')}{anchor or ''})"
        return f"[{label}](https://github.com/{repository}/blob/main/{inside})" if repository else label

    return PAGE_LINK.sub(mend, text)


def tag() -> str:
    """Return the tag of this version, which Binder and Colab are sent to: ``v0.3.0``."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return f"v{Version(re.search(r'^version = .(.+).$', text, re.M)[1]).base_version}"


def ways(path: Path, repository: str) -> str:
    """Return the line below a notebook's title: download it, or open it where it can run."""
    inside = path.relative_to(ROOT).as_posix()
    up = "../" * (len(path.relative_to(NOTEBOOKS).parts) - 1)
    links = {"Download": f"{up}download/{path.relative_to(NOTEBOOKS).as_posix()}"}
    if repository:
        links["Open in Binder"] = f"https://mybinder.org/v2/gh/{repository}/{tag()}?urlpath=lab/tree/{inside}"
        links["Open in Colab"] = f"https://colab.research.google.com/github/{repository}/blob/{tag()}/{inside}"
    anchors = [
        f'<a href="{address}"{" download" * (label == "Download")}>{label}</a>' for label, address in links.items()
    ]
    return f'<p class="ways">{" ".join(anchors)} <a href="{up}ways_in.html">Other ways</a></p>'


def write_download(notebook, path: Path, downloads: Path) -> None:
    """Write a notebook without outputs, so that no answer stands before its question."""
    bare = copy.deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    target = downloads / "download" / path.relative_to(NOTEBOOKS)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(bare, target)


def write_page(path: Path, folder: Path, downloads: Path, repository: str) -> tuple[str, str]:
    """Write a notebook's page source and its download, and return its title and its question."""
    notebook = nbformat.read(path, as_version=4)
    folder.mkdir(parents=True, exist_ok=True)
    write_download(notebook, path, downloads)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            figures_as_files(cell, folder, path.stem)
        elif cell.cell_type == "markdown":
            cell.source = links_between_pages(cell.source, path, repository)
    first = notebook.cells[0].source
    title, question = re.search(r"^# (.+)$", first, re.M), re.search(r"^\*([^*]+)\*$", first, re.M)
    notebook.cells[0].source = first.replace(title[0], f"{title[0]}\n\n{ways(path, repository)}", 1)
    nbformat.write(notebook, folder / path.name)
    return title[1], question[1] if question else ""


def write_document(path: Path, folder: Path, repository: str) -> None:
    """Write a page of ``docs/`` into a folder, with the pictures that it shows."""
    text = path.read_text(encoding="utf-8")
    for picture in PICTURE.findall(text):
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path.parent / picture, folder / picture)
    (folder / path.name).write_text(links_between_pages(text, path, repository), encoding="utf-8")


def board() -> str:
    """Return the laboratory board as HTML, with its settings and answers in it."""
    facts = json.loads((FRONT_PAGE / "board.json").read_text(encoding="utf-8"))
    page = (SETTINGS / "board.html").read_text(encoding="utf-8").replace("@FACTS@", json.dumps(facts))
    return f"```{{raw}} html\n{page}```"


def caption() -> str:
    """Return the words below the README's first picture."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"<!-- hero -->\n(.*?)\n<!-- end of hero -->", readme, re.S)[1]


def write_solutions(paths: list[Path], folder: Path, downloads: Path, repository: str) -> None:
    """Write every solution and the one page of the sidebar that they are folded into."""
    titles = [write_page(path, folder / "solutions", downloads, repository)[0] for path in paths]
    lines = [f"- [{title}]({path.name})" for title, path in zip(titles, paths, strict=True)]
    tree = "\n".join(path.stem for path in paths)
    text = "# Solutions\n\nTry first: each exercise answers with a hint.\n\n" + "\n".join(lines)
    (folder / "solutions" / "index.md").write_text(f"{text}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n", "utf-8")


def write_sources(folder: Path, downloads: Path, repository: str = "") -> None:
    """Write the sources of all pages: the first page, every notebook and solution, the teacher's page, ``docs/``.

    Parameters
    ----------
    folder, downloads : Path
        Empty folders: for the pages, and for what is copied into the site as it is.
    repository : str
        OWNER/NAME on GitHub, or an empty string.
    """
    from api_page import write_api
    from teachers_pack import listing, write_pack

    course, solutions = (sorted(where.glob("*.ipynb")) for where in (NOTEBOOKS, NOTEBOOKS / "solutions"))
    write_solutions(solutions, folder, downloads, repository)
    rows = ["| notebook | its question | solution |", "|---|---|---|"]
    for path in course:
        title, question = write_page(path, folder, downloads, repository)
        solved = f"[{path.stem[:2]}](solutions/{path.name})" if NOTEBOOKS / "solutions" / path.name in solutions else ""
        rows.append(f"| [{title}]({path.name}) | {question} | {solved} |")
    teacher = NOTEBOOKS / "README.md"
    text = links_between_pages(teacher.read_text(encoding="utf-8"), teacher, repository)
    (folder / "for_teachers.md").write_text(text, encoding="utf-8")
    for path in sorted(DOCS.glob("*.md")):
        write_document(path, folder, repository)
    page = folder / "to_project_and_print.md"
    links = listing(write_pack(downloads / "teach"), "teach/")
    page.write_text(page.read_text(encoding="utf-8").replace("<!-- files -->", links), encoding="utf-8")
    (folder / "api.rst").write_text(write_api(), encoding="utf-8")
    (folder / "front_page").mkdir(exist_ok=True)
    shutil.copyfile(FRONT_PAGE / "one_cell.png", folder / "front_page" / "one_cell.png")
    index = (SETTINGS / "index.md").read_text(encoding="utf-8")
    parts = {"HERO": caption(), "BOARD": board(), "TABLE": "\n".join(rows), "DOCUMENTS": "\n".join(RESEARCH)}
    for name, part in (parts | {"COURSE": "\n".join(path.stem for path in course)}).items():
        index = index.replace(f"@{name}@", part)
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
        source, downloads = Path(work) / "source", Path(work) / "downloads"
        source.mkdir()
        downloads.mkdir()
        write_sources(source, downloads, repository)
        os.environ["GITHUB_REPOSITORY"] = repository  # conf.py reads both
        os.environ["WBC_TUTORIAL_DOWNLOADS"] = str(downloads)
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
        print(f'{error.name} is missing; fix: python -m pip install -e ".[book]"', file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if status == 0:
        print(f"the site is in {given.out}: open {given.out / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
