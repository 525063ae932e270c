"""A browser and a JupyterLab for the tests of this folder; both work on a copy of the notebooks."""

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from support.lab_pages import LOADS, wait_until_idle

from wbc_tutorial.data.simulated import cache_folder

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FIX = (
    'to fix it: python -m pip install -e ".[browser]", and a browser: apt-get install chromium, '
    "or python -m playwright install chromium"
)


def give_up(reason):
    """Skip; but fail where everything must run (`.ci/run` sets WBC_TUTORIAL_SKIP_NOTHING)."""
    (pytest.fail if os.environ.get("WBC_TUTORIAL_SKIP_NOTHING") else pytest.skip)(f"{reason}; {FIX}")


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium: the system's, or else Playwright's own."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        give_up("playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, chromium_sandbox=not is_root)
        except Error as error:
            give_up(f"no browser starts ({str(error).splitlines()[0]})")
        yield browser
        browser.close()


def free_port():
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_address(server, file, log, seconds=120):
    """Return the page that JupyterLab asks the browser to open; fail with its last words when it ends or is silent."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        if file.exists() and file.read_text().endswith("\n"):
            return file.read_text().strip()
        time.sleep(0.2)
    pytest.fail(f"JupyterLab opened no page within {seconds} s:\n{log.read_text()[-2000:]}")


def end_with_children(server):
    """End JupyterLab and its kernels; what does not go by itself in time is killed."""
    family = [*psutil.Process(server.pid).children(recursive=True), server] if server.poll() is None else [server]
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(timeout=20)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.wait()


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """Copy the course's notebooks, stripped of their outputs: what is seen later was made in the browser."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "notebooks").mkdir()
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, folder / "notebooks" / path.name)
    return folder


def own_cache(folder):
    """Return a cache of these tests alone, so that no prediction is kept; the simulated cells are copied into it."""
    folder.mkdir()
    for path in cache_folder().glob("sim_*.npz"):
        shutil.copyfile(path, folder / path.name)
    return folder


@pytest.fixture(scope="session")
def jupyterlab(course, tmp_path_factory):
    """Start JupyterLab with the README's command and settings of its own.

    Its `.first_page` is what it asks the student's browser to open, its `.url` its own address; in `.workspaces` it
    remembers the open tabs.
    """
    own = tmp_path_factory.mktemp("settings")
    settings = {
        "notebook-extension/tracker": '{"windowingMode": "none"}',  # every cell is in the page, also out of sight
        "apputils-extension/notification": '{"fetchNews": "false"}',
    }
    for name, text in settings.items():
        file = own / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    opened, log = own / "opened.txt", own / "log.txt"
    note = own / "note.py"
    note.write_text(f"import sys\nwith open({str(opened)!r}, 'w') as file:\n    print(sys.argv[1], file=file)\n")
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime",
               "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}  # fmt: skip
    environment = os.environ | {name: str(own / folder) for name, folder in folders.items()}
    environment["WBC_TUTORIAL_CACHE"] = str(own_cache(own / "cache"))
    environment["BROWSER"] = shlex.join([sys.executable, str(note)]) + " %s"
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "notebooks/00_start_here.ipynb"]
    options = ["--allow-root", f"--port={port}", "--IdentityProvider.token=", "--ServerApp.password="]
    options += ["--MappingKernelManager.cull_idle_timeout=40", "--MappingKernelManager.cull_interval=15"]  # 1 GB each
    with log.open("w") as words:
        server = subprocess.Popen(command + options, cwd=course, env=environment, stdout=words, stderr=words)
        try:
            first_page = wait_for_address(server, opened, log)
            url = f"http://127.0.0.1:{port}"
            yield SimpleNamespace(url=url, first_page=first_page, workspaces=own / folders["JUPYTERLAB_WORKSPACES_DIR"])
        finally:
            end_with_children(server)


@pytest.fixture
def copied(course, request):
    """Return a function that copies a notebook into a folder of this test: no outputs or kernel of an earlier one."""
    folder = course / "notebooks" / re.sub(r"\W+", "_", request.node.name)

    def copy(name):
        folder.mkdir(exist_ok=True)
        return Path(shutil.copyfile(course / "notebooks" / name, folder / name))

    return copy


@pytest.fixture
def open_notebook(chromium, jupyterlab, course):
    """Return a function that opens a notebook (a path, or JupyterLab's first page) and waits for its kernel."""
    pages = []

    def open_it(notebook):
        if isinstance(notebook, Path):
            notebook = f"{jupyterlab.url}/lab/tree/{notebook.relative_to(course / 'notebooks').as_posix()}"
        shutil.rmtree(jupyterlab.workspaces, ignore_errors=True)  # else the tabs of earlier tests open, too
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        pages.append(page)
        page.set_default_timeout(LOADS)
        page.goto(notebook)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content")
        wait_until_idle(page)
        return page

    yield open_it
    for page in pages:
        page.close()
