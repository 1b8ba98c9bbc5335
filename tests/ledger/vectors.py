"""The worked bytes of docs/spec/vectors.json, for the tests of the modules that make them."""

import json
from pathlib import Path
from typing import Any

SPEC = Path(__file__).parents[2] / "docs" / "spec"
VECTORS: dict[str, Any] = json.loads((SPEC / "vectors.json").read_text(encoding="utf-8"))
PUBLISHED: dict[str, Any] = VECTORS["published"]
