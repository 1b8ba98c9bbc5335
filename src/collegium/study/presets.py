"""The study documents that come with the package, each a TOML file in ``study/presets/``."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("collegium.study") / "presets"


def preset_names() -> list[str]:
    """Return the names of all presets, sorted."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def preset_text(name: str) -> str:
    """Return the TOML text of the preset called `name`, one of `preset_names`."""
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
