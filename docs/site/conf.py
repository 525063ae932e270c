"""Sphinx's settings for `build_site.py`: the look of the pages, and nothing from another server."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "wbc_tutorial"
author = "The wbc_tutorial authors"
language = "en"
extensions = ["myst_nb", "mathml"]
html_math_renderer = "mathml"
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
nb_ipywidgets_js = {}
myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 3
html_theme = "sphinx_book_theme"
html_title = "Imbalanced domain generalization on white blood cells"
html_static_path = [str(Path(__file__).with_name("course.css"))]
html_css_files = ["course.css"]
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "toc_title": "On this page",
    "navbar_persistent": [],  # the sidebar has the search
}
_repository = os.environ.get("GITHUB_REPOSITORY")
if _repository:
    html_theme_options |= {
        "repository_url": f"https://github.com/{_repository}",
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    }
