"""What a document may say in words."""

from __future__ import annotations

import unicodedata

from collegium.study.refusal import DocumentPath, Refusal, dotted

_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_text(path: DocumentPath, text: str, longest: int) -> None:
    """Refuse a text that says nothing, is too long, or could hide what a report shows.

    Raises:
        Refusal: ``study.text``.
    """
    if not text.strip() or len(text) > longest:
        raise Refusal(
            path, "study.text", f"{dotted(path)} has {len(text)} characters",
            f"it must say something, in at most {longest}", "write one plain sentence",
        )  # fmt: skip
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Zl", "Zp") or character in _BIDIRECTIONAL:
            raise Refusal(
                path, "study.text", f"{dotted(path)} holds the character {character!a}",
                "line breaks and control characters can hide or forge what a report shows",
                "remove it",
            )  # fmt: skip
