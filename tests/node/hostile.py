"""Registrations that a member signs rightly, made to stop whoever computes their studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from collegium.canonical import to_text
from collegium.federation.identity import Identity
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.registering import registered_terms
from collegium.network.plan import planned
from collegium.study.canonical import document_bytes
from collegium.study.document import SecureAggregation, Study
from collegium.study.search_section import Search, SearchedServer, SearchedTraining
from collegium.study.search_section import SearchedAggregation as Searched

SITES = ("cleveland", "hungarian", "switzerland", "va")

_VALUES = tuple(0.001 + one / 1e6 for one in range(2000))


def _named(name: str) -> Study:
    study = planned("heart", None, ("training.rounds=2", "evaluation.bootstrap=0")).read.study
    return replace(study, study=replace(study.study, id=name))


def _hidden(name: str, secure: SecureAggregation) -> Study:
    study = _named(name)
    return replace(study, privacy=replace(study.privacy, secure_aggregation=secure))


def documents() -> Mapping[str, bytes | None]:
    """Return by study the bytes of its document; None where nobody can have them."""
    vast = Search(
        training=SearchedTraining(learning_rate=_VALUES, momentum=_VALUES),
        aggregation=Searched(server=SearchedServer(learning_rate=_VALUES)), trials=8_000_000_000,
    )  # fmt: skip
    wide = replace(_named("wide").model, architecture="mlp", hidden=(65_536,) * 16)
    source = replace(_named("source").data, source="no-such-data-set")
    studies = {
        "corrupt": _hidden("corrupt", SecureAggregation(protocol="secagg_plus", corrupt=100.0)),
        "degree": _hidden("degree", SecureAggregation(protocol="secagg_plus", degree=-4)),
        "protocol": _hidden("protocol", SecureAggregation(protocol="no-such-protocol")),
        "search": replace(_named("search"), search=vast),
        "combinations": replace(_named("combinations"), search=replace(vast, trials=None)),
        "wide": replace(_named("wide"), model=wide),
        "source": replace(_named("source"), data=source),
        "rule": replace(
            _named("rule"),
            aggregation=replace(_named("rule").aggregation, rule="no+such", tolerate=-7),
        ),
    }
    nothing: dict[str, bytes | None] = {
        "absent": None, "nested": b"[" * 1_000_000, "bytes": bytes(1_000_000), "huge": bytes(2**22),
    }  # fmt: skip
    return {**{name: document_bytes(study) for name, study in studies.items()}, **nothing}


def registration(
    identity: Identity, name: str, document: bytes, model: bytes, sites: Sequence[str] = SITES
) -> bytes:
    """Return a registration with what a study of those hospitals would be registered with."""
    terms: dict[str, Any] = {**registered_terms(_named(name), len(sites)), "study": name}
    return identity.sign(
        StudyRegister,
        **{
            **terms, "code": to_text(bytes(DIGEST_SIZE)), "document": to_text(document),
            "model": to_text(model), "parameters": 14, "rule": "fedavg@1", "server": "none@1",
            "sites": tuple(sites),
        },
    )  # fmt: skip
