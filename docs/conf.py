"""Sphinx makes the site from the pages of this folder: `make docs`."""

import sys
from pathlib import Path

import partwise

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Partwise"
author = "Partwise contributors"
copyright = author
version = release = partwise.__version__

extensions = [
    "myst_nb",  # Markdown, and the notebooks of tutorials/ as they were saved
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "front_page",
    "settings_page",
    "inner_links",
    "docstrings",
]
exclude_patterns = ["_build", "images", "tutorials/runs", "**.ipynb_checkpoints"]
nb_execution_mode = "off"
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
default_role = "code"  # docstrings mark code as Markdown does
nitpicky = True
# Nothing is fetched, so what other packages define can't be linked to, and of `models` the reference has the
# planner alone. All other names of our own must be there, but for type variables, which are called T.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!partwise).*"),
    (r"py:.*", r"partwise\.models\..*"),
    (r"py:.*", r"partwise\..*\.T"),
]

html_theme = "furo"
html_title = "Partwise"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False

# Of `make links`, which needs the internet; `inner_links` looks after the others.
linkcheck_retries = 2
