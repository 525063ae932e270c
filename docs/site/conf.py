"""Sphinx's settings for `build_site.py`: the look of the pages, and nothing from another server."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "wbc_tutorial"
author = "The wbc_tutorial authors"
language = "en"
extensions = [
    "myst_nb",
    "mathml",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
html_math_renderer = "mathml"
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
nb_ipywidgets_js = {}
myst_enable_extensions = ["colon_fence", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
html_theme = "sphinx_book_theme"
html_title = "Imbalanced domain generalization on white blood cells"
html_static_path = [str(HERE / name) for name in ("course.css", "course.js", "board.js")]
html_static_path += [str(HERE.parent / "front_page" / "board.jpg")]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_extra_path = [os.environ["WBC_TUTORIAL_DOWNLOADS"]]  # build_site.py puts the notebooks to download there
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "use_download_button": False,  # every notebook's page has a line of its own with Download, Binder and Colab
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "toc_title": "On this page",
    "navbar_persistent": [],  # the sidebar has the search
}
copybutton_exclude = ".linenos, .gp, .go"

# The reference is read from the docstrings of the installed package.
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
suppress_warnings = ["ref.python"]  # a method's name that several classes have
_repository = os.environ.get("GITHUB_REPOSITORY")
if _repository:
    html_theme_options |= {
        "repository_url": f"https://github.com/{_repository}",
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
    }
