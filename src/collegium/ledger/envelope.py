"""The signed envelope of a transaction: DSSE with exactly one form; docs/spec/2-transaction.md."""

from __future__ import annotations

from binascii import unhexlify

import msgspec

from collegium import canonical
from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.hashing import lp, tagged_hash
from collegium.ledger.keys import SIGNATURE_SIZE, SigningKey, key_id

PAYLOAD_TYPE = "application/vnd.collegium.tx+json"
LARGEST_ENVELOPE = 16 * 1024


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A decoded envelope: what was signed, by which key (its SHA-256), and the signature."""

    payload: bytes
    key_id: bytes
    signature: bytes

    @property
    def signed_bytes(self) -> bytes:
        """DSSE's pre-authentication encoding of the payload."""
        return _signed_bytes(self.payload)

    @property
    def transaction_id(self) -> bytes:
        """The id, independent of the envelope's JSON."""
        return tagged_hash("tx", lp(self.signed_bytes), self.key_id)


def pre_authentication_encoding(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return DSSE's PAE: the bytes that the signature covers."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _signed_bytes(payload: bytes) -> bytes:
    return b"%b%d %b" % (_BEFORE_LENGTH, len(payload), payload)


_BEFORE_LENGTH = pre_authentication_encoding(b"").removesuffix(b"0 ")


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: bytes


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An envelope as JSON has it; msgspec writes bytes as base64 with padding."""

    payload: bytes
    payloadType: str
    signatures: tuple[_Signature]


_DECODER = msgspec.json.Decoder(_Wire)


def encode_envelope(envelope: Envelope) -> bytes:
    """Return the envelope's only JSON form."""
    signature = _Signature(envelope.key_id.hex(), envelope.signature)
    return canonical.encode(_Wire(envelope.payload, PAYLOAD_TYPE, (signature,)))


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
        wire = _DECODER.decode(data)
        (signature,) = wire.signatures
        envelope = Envelope(wire.payload, unhexlify(signature.keyid), signature.sig)
        again = canonical.encode(wire)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise malformed("an envelope", str(error)) from error
    if (
        again != data
        or wire.payloadType != PAYLOAD_TYPE
        or signature.keyid != envelope.key_id.hex()
        or (len(envelope.key_id), len(envelope.signature)) != (32, SIGNATURE_SIZE)
    ):
        raise malformed("an envelope", "the bytes are not the one form an envelope has")
    return envelope


def sign_envelope(payload: bytes, key: SigningKey) -> bytes:
    """Return the encoded envelope of a payload under a key."""
    signature = key.sign(_signed_bytes(payload))
    return encode_envelope(Envelope(payload, key_id(key.public), signature))
