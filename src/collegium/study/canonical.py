"""The bytes of a study document that are hashed and registered, and their strict inverse.

Canonical JSON (RFC 8785, restricted): keys sorted, no spaces, strings unescaped UTF-8, every
default written out, absent fields omitted, no null, and ``"format":1``, which is no key of a
document, among them. A key that a later version added is absent in an older document and has its
default: what was registered stays readable. There are no floats: a number of a float
field is a string, the shortest decimal that reads back to the same binary64 as Python writes it
(``"0.05"``, ``"1e-05"``), with zero always ``"0.0"``. Integers lie within 2^53 - 1.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from collegium.errors import FormatError
from collegium.study.decoding import retyped
from collegium.study.document import Study
from collegium.study.refusal import INTEGER_LIMIT, DocumentPath, Refusal, dotted, shown
from collegium.study.rendering import without_absent

FORMAT = 1
"""The version of this form; another meaning of a key is another format."""

SIZE_LIMIT = 2**20
"""Most bytes of a study document, as TOML and in this form."""


def document_bytes(study: Study) -> bytes:
    """Return the canonical bytes of a study.

    Raises:
        Refusal: a value has no canonical form: a float that is not finite, an integer beyond
            2^53 - 1, text that is not Unicode, a wrong type; or the whole is over `SIZE_LIMIT`.
    """
    data = _encoded(_tables(study))
    if len(data) > SIZE_LIMIT:
        raise Refusal(
            (), "study.too-large", f"the document has {len(data)} bytes",
            f"at most {SIZE_LIMIT} are accepted", "shorten its lists",
        )  # fmt: skip
    return data


def study_from_document(data: bytes) -> Study:
    """Return the study of canonical bytes; keys that are absent have their defaults.

    With the same keys left out, `document_bytes` of it is `data` again.

    Raises:
        FormatError: the bytes are not the canonical form of any study, or of another format.
    """
    if len(data) > SIZE_LIMIT:
        raise _not_canonical(f"{len(data)} bytes are more than {SIZE_LIMIT}")
    try:
        given = msgspec.json.decode(data, type=dict[str, Any])
        if given.pop("format", None) != FORMAT:
            raise _not_canonical(f"it does not say that it has format {FORMAT}")
        # Lax conversion reads floats from strings; what else it lets pass, the comparison refuses.
        study = msgspec.convert(given, Study, strict=False)
        again = _encoded(_as_given(_tables(study), given))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _not_canonical(str(error)) from None
    except Refusal as refusal:
        raise _not_canonical(refusal.what) from None
    if again != data:
        raise _not_canonical("the same content has another canonical form")
    return study


def digest(study: Study) -> str:
    """Return the SHA-256 of the canonical bytes, in hexadecimal: the study's identity.

    Raises:
        Refusal: as `document_bytes`.
    """
    return hashlib.sha256(document_bytes(study)).hexdigest()


def _tables(study: Study) -> dict[str, Any]:
    """Return a study as plain tables with every default written out and no floats."""
    tables: dict[str, Any] = _plain(without_absent(msgspec.to_builtins(retyped(study))), ())
    return tables


def _as_given(tables: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables without the keys that the given ones, of the same study, do not have."""
    return {
        key: _as_given(value, given[key]) if isinstance(value, Mapping) else value
        for key, value in tables.items()
        if key in given
    }


def _encoded(tables: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"format": FORMAT, **tables}, order="sorted")


def _plain(value: Any, path: DocumentPath) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _no_form(path, f"is {value}", "only finite numbers can be registered")
        return repr(value + 0.0)  # turns -0.0 into 0.0: equal studies have equal bytes
    if isinstance(value, int) and abs(value) > INTEGER_LIMIT:
        raise _no_form(path, f"is {shown(value)}", "other readers of JSON would round it")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _no_form(path, "is not Unicode text", "it holds half a character") from None
    return value


def _no_form(path: DocumentPath, what: str, why: str) -> Refusal:
    return Refusal(path, "study.range", f"{dotted(path)} {what}", why, "use an ordinary value")


def _not_canonical(why: str) -> FormatError:
    return FormatError(
        "format.study",
        "these bytes are not a registered study document",
        why,
        "take the bytes from the ledger's own run folder; do not edit them",
    )
