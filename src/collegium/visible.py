"""Text that others wrote, as it may be shown: nothing in it moves a cursor or turns a line around.

Titles, names and errors of other members' documents reach terminals, logs and reports. A control
character in one can rewrite what stands above it (ECMA-48), and a mark of direction can make it
read as something else (Boucher and Anderson, "Trojan Source", 2021). Whatever shows text goes
through here last.
"""

from __future__ import annotations

import re
import unicodedata

_HARMLESS = re.compile(r"[ -~]*")


def _is_hidden(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] == "C" or kind in ("Zl", "Zp")


def visible(text: str, keep: str = "") -> str:
    """Return text with every control character, mark of direction and the like written out.

    Args:
        text: anything.
        keep: characters that stay as they are; none, so that what comes out is one line.
    """
    if _HARMLESS.fullmatch(text):
        return text
    return "".join(ascii(one)[1:-1] if one not in keep and _is_hidden(one) else one for one in text)


def visible_lines(text: str) -> str:
    """Return text of several lines in the same way."""
    return visible(text, "\n\t")


def visible_json(text: str) -> str:
    r"""Return JSON text with the same characters as ``\u`` escapes: its value stays what it is."""
    if _HARMLESS.fullmatch(text):
        return text
    return "".join(_unit(one) if _is_hidden(one) and one not in "\n\t" else one for one in text)


def _unit(character: str) -> str:
    data = character.encode("utf-16-be", "surrogatepass")
    units = (data[at : at + 2] for at in range(0, len(data), 2))
    return "".join(f"\\u{int.from_bytes(one, 'big'):04x}" for one in units)
