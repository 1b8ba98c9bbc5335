"""The fields of transactions: what each may hold, so that none can hold free text.

Digests, salts, keys and bitmaps are base64url text.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from collegium.canonical import LARGEST_INTEGER
from collegium.ledger.genesis import MODULE

_BASE64URL = "[A-Za-z0-9_-]"

Digest = Annotated[str, msgspec.Meta(pattern=rf"^{_BASE64URL}{{43}}\Z")]
DecodedDigest = Annotated[str, msgspec.Meta(min_length=43, max_length=43)]
"""A digest in a frequent transaction: its handler decodes it, which checks more than a pattern."""

Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
StudyId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
MemberId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
VersionedName = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_+.-]{0,49}@[1-9][0-9]{0,3}\Z")
]
ModuleName = Annotated[str, msgspec.Meta(pattern=rf"^{MODULE.pattern}\Z")]
PHASE = re.compile(r"[a-z]{1,20}(\.[a-z]{1,20})?")
PhaseName = Annotated[str, msgspec.Meta(pattern=rf"^{PHASE.pattern}\Z")]
ProposalId = Annotated[str, msgspec.Meta(pattern=rf"^{_BASE64URL}{{22}}\Z")]
Bitmap = Annotated[str, msgspec.Meta(pattern=rf"^{_BASE64URL}{{1,8192}}\Z")]
SignatureText = Annotated[str, msgspec.Meta(pattern=rf"^{_BASE64URL}{{86}}\Z")]
EnvelopeText = Annotated[str, msgspec.Meta(pattern=rf"^{_BASE64URL}{{1,12288}}\Z")]
Step = Annotated[int, msgspec.Meta(ge=1, le=16)]
"""A step of the statistics with which a study of tables is set up."""
SharesText = Annotated[str, msgspec.Meta(pattern=rf"^{_BASE64URL}{{1,12288}}\Z")]
Reason = Literal["unavailable", "malformed", "refused", "arithmetic", "deal", "shares", "sum"]
GroupNumbers = Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=250)]
"""Groups of a round, counted from 1."""
Score = Annotated[int, msgspec.Meta(ge=-(2**40), le=2**40)]
"""A score of an update, in units of 2^-20."""
MeanLoss = Annotated[int, msgspec.Meta(ge=-(2**52), le=2**52)]
"""A mean loss in 2^30ths."""
