"""What a study's document says of masked updates: when it asks for them, and what is sent."""

from __future__ import annotations

from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.message import Outbound, Recipients
from collegium.study.outbound_masked import masked_update, shared_secrets
from collegium.study.terms import group_count


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether the document names this protocol."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.protocol == "secagg"


def _update(study: Study, ways: Recipients, message: Outbound, count: str, leak: str) -> Outbound:
    return masked_update(study, message, ways, "Bonawitz et al. 2017", count, leak)


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    part = "group" if group_count(study) else "round"
    return shared_secrets(ways, f"every site of the {part}", "site")


DESIGN = Design(
    _uses,
    messages=_messages,
    update=_update,
    about="secure aggregation: only the sum of the updates is visible, also after dropouts",
)
