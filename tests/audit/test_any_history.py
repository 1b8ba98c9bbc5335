"""Whatever history the contract accepts, verification replays it and tells a coherent story of it.

The contract's own state machine plays the consortium; here its histories become ledger files,
without any blobs, so that verification has to cope with every odd turn that a study can take.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import settings
from tests.audit.forging import Entry, Transcript, executed, rebuilt
from tests.audit.second import second_verdict
from tests.ledger.contract.kit import key_of
from tests.ledger.contract.test_machine import SETTINGS, ContractMachine

from collegium.audit.verify import verify
from collegium.ledger.genesis import encode_genesis


class VerifiedMachine(ContractMachine):
    """The same histories, verified at their end."""

    def teardown(self) -> None:
        envelopes = self.world.accepted
        if not envelopes:
            return
        transcript = Transcript(
            encode_genesis(self.world.genesis),
            tuple(Entry(envelope, b"[]") for envelope in envelopes),
            (1,) * len(envelopes),
            (bytes(32),) * len(envelopes),
        )
        with TemporaryDirectory() as folder:
            Path(folder, "blobs").mkdir()
            log = rebuilt(executed(transcript), key_of("*log"))
            Path(folder, "ledger.log").write_bytes(log)
            told = verify(folder, partial=True)
            second = second_verdict(Path(folder))
        assert [one for one in second if "there is no blob" not in one] == []
        assert told.checked["signatures"] == told.entries == len(envelopes)
        assert msgspec.json.encode(told)
        errors = {one.code for one in told.findings if one.severity == "error"}
        assert errors <= {"blob.missing"}


class LongVerifiedMachine(VerifiedMachine):
    """The same, for longer."""


TestVerified = VerifiedMachine.TestCase
TestVerified.settings = settings(SETTINGS, max_examples=20)
TestVerifiedForLong = pytest.mark.long(LongVerifiedMachine.TestCase)
TestVerifiedForLong.settings = settings(SETTINGS, max_examples=300, stateful_step_count=80)
