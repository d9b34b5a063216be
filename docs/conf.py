"""How Sphinx builds this documentation: pages in Markdown, reference from the docstrings of the doors."""

from __future__ import annotations

import re
from typing import Any

from dynaclr import __version__

project = "napari-dynaclr"
author = "napari-dynaclr developers"
copyright = author  # noqa: A001 (Sphinx's name)
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "imported-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

default_role = "code"  # docstrings have single backticks

html_theme = "pydata_sphinx_theme"
html_title = f"napari-dynaclr {version}"
html_theme_options = {
    "github_url": "https://github.com/napari-dynaclr/napari-dynaclr",
    "show_toc_level": 2,
    "navigation_with_keys": False,
}
html_show_sourcelink = False


def _as_written(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: a star is a star (`*.csv`), and a list of names may need two lines."""
    text = "\n".join(line.replace("*", r"\*") if "`" not in line else line for line in lines)
    names = r"(?:\w+, )*\w+"
    lines[:] = re.sub(rf"^({names},)\n(?={names},?\n)", r"\1 ", text, flags=re.MULTILINE).split("\n")


def setup(app: Any) -> None:
    """Connect what Sphinx calls."""
    app.connect("autodoc-process-docstring", _as_written, priority=100)  # before sections are read
