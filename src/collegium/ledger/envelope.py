"""The signed envelope of a transaction: DSSE with exactly one form; docs/spec/2-transaction.md."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from functools import lru_cache

import msgspec

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.hashing import lp, tagged_hash
from collegium.ledger.keys import SIGNATURE_SIZE, SigningKey, key_id

PAYLOAD_TYPE = "application/vnd.collegium.tx+json"
LARGEST_ENVELOPE = 16 * 1024


_START = b'{"payload":"'
_MIDDLE = b'","payloadType":"%s","signatures":[{"keyid":"' % PAYLOAD_TYPE.encode()
_SIG = b'","sig":"'
_END = b'"}]}'
_KEY_SIZE = 2 * 32
_SIGNATURE_SIZE = 4 * -(-SIGNATURE_SIZE // 3)
# Everything but the payload has a fixed length, so what there is to find lies at fixed places.
_AFTER_SIGNATURE = -len(_END)
_AFTER_KEY = _AFTER_SIGNATURE - _SIGNATURE_SIZE - len(_SIG)
_AFTER_PAYLOAD = _AFTER_KEY - _KEY_SIZE - len(_MIDDLE)
_PAYLOAD = slice(len(_START), _AFTER_PAYLOAD)
_KEY = slice(_AFTER_KEY - _KEY_SIZE, _AFTER_KEY)
_SIGNATURE = slice(_AFTER_SIGNATURE - _SIGNATURE_SIZE, _AFTER_SIGNATURE)


class Envelope(msgspec.Struct, frozen=True):
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
    return b"%s%d %s" % (_kind_encoded(payload_type), len(payload), payload)


@lru_cache(maxsize=16)
def _kind_encoded(payload_type: str) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s " % (len(kind), kind)


def encode_envelope(envelope: Envelope) -> bytes:
    """Return the envelope's only JSON form."""
    payload = b2a_base64(envelope.payload, newline=False)
    signature = b2a_base64(envelope.signature, newline=False)
    return b"".join((_START, payload, _MIDDLE, hexlify(envelope.key_id), _SIG, signature, _END))


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
        envelope = Envelope(
            a2b_base64(data[_PAYLOAD]), unhexlify(data[_KEY]), a2b_base64(data[_SIGNATURE])
        )
    except ValueError as error:
        raise malformed("an envelope", str(error)) from error
    sizes = (len(envelope.key_id), len(envelope.signature))
    if sizes != (32, SIGNATURE_SIZE) or encode_envelope(envelope) != data:
        raise malformed("an envelope", "the bytes are not the one form an envelope has")
    return envelope


def sign_envelope(payload: bytes, key: SigningKey) -> bytes:
    """Return the encoded envelope of a payload under a key."""
    signature = key.sign(pre_authentication_encoding(payload))
    return encode_envelope(Envelope(payload, key_id(key.public), signature))
