"""This file is the settings of the documentation's build: Sphinx, MyST, myst-nb and the theme.

What is read from the code is left to ``extensions/introspection.py``, and what answers the pages'
cells to ``extensions/cells.py``. Nothing here needs a network.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from aqueduct_jupyter import __version__

project = "aqueduct-jupyter"
author = "the authors of aqueduct-jupyter"
project_copyright = author
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
extensions += ["cells", "listings", "offline", "root_pages", "signatures"]
exclude_patterns = ["examples", "extensions", "static"]
suppress_warnings = ["mystnb.unknown_mime_type"]  # an answer's metadata is for notebooks

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "smartquotes"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# What the Python reference has must be found; other libraries and inner modules are not in it.
nitpicky = True
_PUBLIC = r"(?:Client|ChatPanel|kernel\.(?:answer|context|files)|gateway\.policy|protocol\.errors)"
nitpick_ignore_regex = [("py:.*", rf"(?!aqueduct_jupyter\.{_PUBLIC}\b).*")]

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["answers.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
