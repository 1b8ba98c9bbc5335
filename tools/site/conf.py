"""How Sphinx makes a searchable site of the pages as they are: `make docs`.

Its sources are the repository itself, so that links between pages lead where they lead on disk.
Fonts, scripts and the index for searching are in the site; it asks nobody for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Collegium"
copyright = "The Collegium authors, Apache-2.0"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/*.md", "docs/**"]
exclude_patterns = ["docs/**.json", "docs/**.png"]

html_theme = "furo"
html_title = "Collegium"
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 5
suppress_warnings = [
    "misc.highlighting_failure",  # examples leave parts out
    "myst.header",  # a page may begin below a title
]

CONTENTS = """

```{toctree}
:hidden:
:caption: Start

/README
tutorial
tables
datasets
evaluation
glossary
errors
```

```{toctree}
:hidden:
:caption: Studies

algorithms
comparing
homomorphic-encryption
networks
privacy
rules
scores
searching
secure-aggregation
simulation
targets
threats
```

```{toctree}
:hidden:
:caption: Consortia
:glob:

network
node
receipts
engines
operations/*
```

```{toctree}
:hidden:
:caption: Development
:glob:

mechanisms
/CONTRIBUTING
/CHANGELOG
/benchmarks/*
spec/README
spec/*
decisions/README
decisions/*
```
"""


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the first page the contents that every page shows at its side."""
    if page == root_doc:
        source[0] += CONTENTS


def setup(app: Sphinx) -> None:
    """Tell Sphinx what to call."""
    app.connect("source-read", add_contents)
