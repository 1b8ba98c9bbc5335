"""What the design has a word for and this version does not do: refused by name, never ignored."""

from __future__ import annotations

from collegium.study.refusal import DocumentPath, Refusal, dotted

LATER_KEYS: dict[DocumentPath, str] = {
    ("incentive",): "contribution, reputation and rewards",
    ("report",): "settings of the report",
}


def refuse_later_key(path: DocumentPath, value: object) -> None:
    """Refuse a key, or a kind of value, that a later version brings.

    Raises:
        Refusal: ``study.not-yet``.
    """
    if path in LATER_KEYS:
        raise not_yet(path, LATER_KEYS[path], f"remove {dotted(path)}")


def not_yet(path: DocumentPath, lacking: str, todo: str) -> Refusal:
    """Return the refusal that says plainly what this version lacks."""
    return Refusal(
        path,
        "study.not-yet",
        f"{dotted(path)} asks for {lacking}, which this version of Collegium does not have",
        "it is planned, and ignoring it would make the study claim what was not done",
        todo,
    )
