"""The signed envelope of a transaction: DSSE with exactly one form; docs/spec/2-transaction.md."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass

import msgspec

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.hashing import lp, tagged_hash
from collegium.ledger.keys import SIGNATURE_SIZE, SigningKey, key_id

PAYLOAD_TYPE = "application/vnd.collegium.tx+json"
LARGEST_ENVELOPE = 16 * 1024


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: str
    payloadType: str
    signatures: tuple[_Signature]


_DECODER = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A decoded envelope: what was signed, by which key (its SHA-256), and the signature."""

    payload: bytes
    key_id: bytes
    signature: bytes

    @property
    def signed_bytes(self) -> bytes:
        """DSSE's pre-authentication encoding of the payload."""
        return pre_authentication_encoding(self.payload)

    @property
    def transaction_id(self) -> bytes:
        """The id, independent of the envelope's JSON."""
        return tagged_hash("tx", lp(self.signed_bytes), self.key_id)


def pre_authentication_encoding(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return DSSE's PAE: the bytes that the signature covers."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def encode_envelope(envelope: Envelope) -> bytes:
    """Return the envelope's only JSON form."""
    return (
        b'{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}'
        % (
            b64encode(envelope.payload),
            PAYLOAD_TYPE.encode(),
            envelope.key_id.hex().encode(),
            b64encode(envelope.signature),
        )
    )  # fmt: skip


def decode_envelope(data: bytes) -> Envelope:
    """Decode an envelope.

    Raises:
        FormatError: too long, or not the canonical form of an envelope with one signature.
    """
    if len(data) > LARGEST_ENVELOPE:
        raise FormatError(
            "format.too-long",
            f"a transaction of {len(data)} bytes",
            f"transactions are at most {LARGEST_ENVELOPE} bytes",
            "put what is large into a blob and name it by its digest",
        )
    try:
        parts = _DECODER.decode(data)
        (signature,) = parts.signatures
        envelope = Envelope(
            a2b_base64(parts.payload), bytes.fromhex(signature.keyid), a2b_base64(signature.sig)
        )
    except (msgspec.MsgspecError, ValueError, UnicodeError, RecursionError) as error:
        raise malformed("an envelope", str(error)) from error
    if (
        len(envelope.key_id) != 32
        or len(envelope.signature) != SIGNATURE_SIZE
        or encode_envelope(envelope) != data
    ):
        raise malformed("an envelope", "the bytes are not the one form an envelope has")
    return envelope


def sign_envelope(payload: bytes, key: SigningKey) -> bytes:
    """Return the encoded envelope of a payload under a key."""
    signature = key.sign(pre_authentication_encoding(payload))
    return encode_envelope(Envelope(payload, key_id(key.public), signature))
