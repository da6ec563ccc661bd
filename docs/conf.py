"""Configuration of the documentation: Sphinx, numpydoc for the API, MyST for the pages."""

import neuromem

# A package that loads lazily hides its __all__ from dir(), where autosummary looks for it.
neuromem.hardware.__dir__ = lambda: [*neuromem.hardware.__all__, "__all__"]

project = "neuromem"
author = "The neuromem developers"
project_copyright = "2026, The neuromem developers"
version = release = neuromem.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2

# A module documents what its __all__ names, or what it defines where it has none.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # numpydoc's sections say the types
numpydoc_show_class_members = False  # the class template lists them

html_theme = "furo"
html_title = f"neuromem {version}"
