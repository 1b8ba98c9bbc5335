"""Write docs/spec/vectors.json: worked bytes of every format, and published vectors beside them.

For each format there are the smallest and a typical example, with what lies between: a stranger
who gets the same bytes at every step has understood the page. Bytes are in hex where they are not
text. Run it after a change that means to change them; a test compares. ``--check`` only compares.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium import canonical
from collegium.audit.bundle import bundle_digest
from collegium.audit.policy import CosigningPolicy, policy_lines, two_thirds
from collegium.audit.receipt import Receipt, encode_extra, encode_receipt
from collegium.audit.trust import policy_text
from collegium.canonical import to_text
from collegium.data.tabular.agreed_preparation import decode_agreed
from collegium.data.tabular.columns import Column
from collegium.data.tabular.columns import Table as Columns
from collegium.data.tabular.combining_statistics import conclusion
from collegium.data.tabular.computing_statistics import site_statistics_of
from collegium.data.tabular.preparation import encode_columns
from collegium.data.tabular.site_statistics import STEPS, encode_site_statistics
from collegium.data.tabular.study_rows import StudyRows
from collegium.learning.blobs import ModelState, TensorSpec, encode_model, encode_update
from collegium.learning.evaluation.counts import UNIT
from collegium.learning.evaluation.summed import encode_sum, summed
from collegium.learning.evaluation.tally import tally
from collegium.learning.safetensors import released_bytes
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.declared import together
from collegium.ledger.contract.events import encode_events
from collegium.ledger.contract.governance import rotation_message
from collegium.ledger.contract.results import (
    Failure,
    ModelResult,
    Result,
    SumResult,
    encode_result,
    result_digest,
)
from collegium.ledger.contract.transactions import StudyClose, StudyRegister, Transaction
from collegium.ledger.contract.updates import commitment
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, sign_inclusion_promise
from collegium.ledger.envelope import decode_envelope, pre_authentication_encoding, sign_envelope
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    Block,
    application_hash,
    encode_entry,
    encode_frame,
    encode_refusal,
    entry_hash,
    refused_digest,
)
from collegium.ledger.genesis import (
    Genesis,
    Member,
    Predecessor,
    Role,
    encode_genesis,
    genesis_digest,
)
from collegium.ledger.hashing import lp, tag, tagged_hash, u64
from collegium.ledger.hpke import expand
from collegium.ledger.keys import SigningKey, exchange_key, key_id, signing_key
from collegium.ledger.merkle import leaf_hash, tree_root
from collegium.ledger.note import (
    Checkpoint,
    open_checkpoint,
    origin_of,
    parse_verifier_key,
    sign_checkpoint,
    verifier_key,
)
from collegium.ledger.sealing import Context, seal
from collegium.ledger.state import BranchNode, Node, State, TableNode
from collegium.mechanisms.compression.terms import CompressionTerms
from collegium.mechanisms.dealing.terms import DealingTerms, Indicators
from collegium.mechanisms.groups.rules import draw_groups, keys_commitment
from collegium.mechanisms.groups.terms import Without
from collegium.mechanisms.scores.reputations import NEW, after, value_of
from collegium.mechanisms.scores.score_medians import ScoreRecord, median
from collegium.mechanisms.scores.score_medians import commitment as commitment_to_scores
from collegium.mechanisms.scores.terms import ScoreTerms
from collegium.mechanisms.secagg.protocol import SECAGG
from collegium.mechanisms.sum_check import pedersen as pedersen_commitments
from collegium.mechanisms.threshold_he.protocol import THRESHOLD_HE
from collegium.secrecy.masked import encode_masked, residues
from collegium.secrecy.secure_sum import OF_THE_SUM, OwnSecrets, SecureSum, SumFailure
from collegium.secrecy.shamir import PRIME, from_element
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders
from collegium.study.document import TableSource

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "spec" / "vectors.json"
Vector = dict[str, Any]
SIX = ["ada", "bo", "cy", "di", "ed", "flo"]
MODULES = (
    "compression@1", "dealing@1", "groups@1", "plain@1", "privacy@1", "scores@1", "search@1",
    "secagg@1", "secagg_plus@1", "statistics@1", "sum_check@1", "sums@1", "threshold_he@1",
)  # fmt: skip
"""What the ledgers of the typical examples admit, whatever is installed."""


def main(argv: list[str]) -> int:
    """Write the file, or with ``--check`` say whether it is as it should be."""
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    if "--check" in argv:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def vectors() -> Vector:
    """Return everything: our formats page by page, then the published vectors."""
    small = genesis_of("solo", ["ada"], ("plain@1",))
    typical = genesis_of("heart-2026", ["ada", "bo", "cy"], MODULES)
    return {
        "keys": "the seed of NAME's key is SHA-256 of the text `vectors NAME`",
        "values": values(),
        "transaction": [
            transaction(small, close("s")),
            transaction(typical, register()),
            transaction(typical, masked_register()),
        ],
        "genesis": [
            genesis_vector(one)
            for one in (small, typical, successor_of(typical), without_log(typical))
        ],
        "results": results(),
        "ledger": [ledger_vector(small), ledger_vector(typical)],
        "fork": [fork_vector(typical, 2, 2), fork_vector(typical, 2, 3)],
        "promise": [promise_vector(small, 0), promise_vector(typical, 41)],
        "receipts": [receipt_vector(small), receipt_vector(typical)],
        "blobs": blobs(genesis_digest(encode_genesis(typical))),
        "sealed": [sealed(typical, ["cy"]), sealed(typical, ["ada", "bo", "cy"])],
        "secagg": [
            secagg(typical, ["ada"], 1, []),
            secagg(typical, ["ada", "bo", "cy"], 2, ["bo"]),
        ],
        "threshold_he": [encrypted_sum(typical, ["ada", "bo", "cy"], 2, "bo")],
        "scores": [scores(typical, ["ada"], None), scores(typical, ["ada", "bo", "cy"], 41)],
        "reputations": reputations_vector(),
        "secagg_plus": [secagg(typical, SIX, 3, ["bo"], 4)],
        "groups": [groups(typical, 5, 2), groups(typical, 7, 3)],
        "pedersen": [
            pedersen(32, [0, 1, -1, 2**31 - 1, 1 - 2**31, 5, -7, 11, -13], 12345),
            pedersen(64, [2**40, -(2**40), 3, -4], pedersen_commitments.ORDER - 1),
        ],
        "statistics": statistics(),
        "summed": [summed_counts(14), summed_counts(90), summed_counts(400)],
        "published": json.loads((HERE / "published_vectors.json").read_text(encoding="utf-8")),
    }


def key_of(name: str) -> SigningKey:
    """Return the key pair of a name."""
    return signing_key(sha256(f"vectors {name}".encode()).digest())


def digest(label: str) -> bytes:
    """Return a digest that a label stands for."""
    return sha256(label.encode()).digest()


def values() -> Vector:
    """Return page 1: canonical JSON, what is refused, base64url, tagged hashes, trees."""
    said: list[Any] = [
        {},
        [],
        {"b": 1, "a": [True, False, -9007199254740991], "B": "", "aa": {"z": "é€😀"}},
        '"\\/\b\t\n\f\r\u0001\u001f\u007f\u2028',
    ]
    refused = [
        '{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":1}', '{"a":null}', "1.0", "1e3", "-0",
        "9007199254740992", '"\\u0041"', '"\\/"', '"\\u001F"', '"\\ud800"', "[" * 33 + "]" * 33,
    ]  # fmt: skip
    leaves = [digest("one"), b"", b"three"]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    return {
        "canonical_json": [{"value": one, "bytes": canonical.encode(one).hex()} for one in said],
        "refused_json": refused,
        "base64url": [{"bytes": raw.hex(), "text": to_text(raw)} for raw in (b"", b"\xfb\xff")],
        "tagged": {
            "what": "example", "tag": tag("example").hex(), "parts": [u64(7).hex(), lp(b"x").hex()],
            "hash": tagged_hash("example", u64(7), lp(b"x")).hex(),
        },
        "tree": {
            "leaves": [leaf.hex() for leaf in leaves], "leaf_hashes": [one.hex() for one in hashes],
            "roots": [tree_root(hashes[:size]).hex() for size in range(4)],
        },
    }  # fmt: skip


def genesis_of(chain: str, names: list[str], modules: tuple[str, ...]) -> Genesis:
    """Return a genesis: all validate, the first two are sites, the first is an owner."""
    roles: list[tuple[Role, ...]] = [
        ("owner", "site", "validator"), ("site", "validator"), ("validator",)
    ]  # fmt: skip
    members = tuple(
        Member(
            id=name,
            key=to_text(key_of(name).public),
            name=name.title(),
            power=index + 1,
            roles=roles[index],
        )
        for index, name in enumerate(names)
    )
    log = to_text(key_of("log").public)
    return Genesis(
        chain=chain,
        contract=1,
        format=1,
        keys="simulated",
        log=log,
        members=members,
        modules=modules,
    )


def without_log(genesis: Genesis) -> Genesis:
    """Return a genesis in which nobody signs checkpoints for all."""
    return msgspec.structs.replace(genesis, log=msgspec.UNSET)


def successor_of(old: Genesis) -> Genesis:
    """Return the genesis of a ledger that goes on from entry 7 of another, with fewer members."""
    identity = to_text(genesis_digest(encode_genesis(old)))
    succeeds = Predecessor(
        block=to_text(digest("block")), genesis=identity, root=to_text(digest("root")), size=7
    )
    return msgspec.structs.replace(
        old, chain="heart-2027", members=old.members[:2], succeeds=succeeds
    )


def genesis_vector(genesis: Genesis) -> Vector:
    """Return page 3: the genesis, its bytes and its digest, and its members' key ids."""
    data = encode_genesis(genesis)
    return {
        "bytes": data.decode(),
        "digest": genesis_digest(data).hex(),
        "key_ids": {
            member.id: key_id(key_of(member.id).public).hex() for member in genesis.members
        },
    }


def close(study: str) -> Vector:
    """Return the fields of the smallest transaction."""
    return {"type": StudyClose, "study": study}


def register(study: str = "heart") -> Vector:
    """Return the fields of a typical transaction."""
    return {
        "type": StudyRegister, "study": study, "attendance": "quorum",
        "code": to_text(digest("code")),
        "document": to_text(digest("document")), "exponent": 12, "max_attempts": 3, "min_sites": 1,
        "model": to_text(digest("model")), "modules": ("plain@1",), "parameters": 1000,
        "per_round": 1, "rounds": 30, "rule": "fedavg@1", "seed": 7, "server": "none@1",
        "sites": ("ada",), "weights": "rows",
    }  # fmt: skip


def masked_register() -> Vector:
    """Return a registration that uses several modules and says terms of two."""
    terms = together("terms", [CompressionTerms(keep=500_000), DealingTerms(threshold=2)])
    modules = ("compression@1", "dealing@1", "secagg@1")
    return {**register("masked"), "modules": modules, "sites": ("ada", "bo"), "terms": terms}


def results() -> list[Vector]:
    """Return page 6: what votes are for, and the digests by which they are counted."""
    model, hidden = to_text(digest("model")), Indicators(saturated=1, small=0)
    parts = together("result", [hidden, Without(groups=(2,))])
    some: list[Result] = [
        ModelResult(model=model), ModelResult(model=model, parts=parts),
        SumResult(total=to_text(digest("total"))), Failure(reason="arithmetic"),
        Failure(blames="bo", reason="deal"),
    ]  # fmt: skip
    return [
        {
            "result": encode_result(one).decode(),
            "digest": to_text(result_digest(encode_result(one))),
        }
        for one in some
    ]


def envelope_of(genesis: Genesis, fields: Vector) -> tuple[bytes, bytes]:
    """Return payload and envelope of a transaction that ada signs."""
    kind: type[Transaction] = fields["type"]
    rest = {name: value for name, value in fields.items() if name != "type"}
    identity = to_text(genesis_digest(encode_genesis(genesis)))
    payload = canonical.encode(kind(format=1, genesis=identity, **rest))
    return payload, sign_envelope(payload, key_of("ada"))


def transaction(genesis: Genesis, fields: Vector) -> Vector:
    """Return page 2: payload, what is signed, signature, envelope and id."""
    payload, data = envelope_of(genesis, fields)
    envelope = decode_envelope(data)
    return {
        "payload": payload.decode(),
        "pae": pre_authentication_encoding(payload).decode(),
        "public": key_of("ada").public.hex(),
        "key_id": envelope.key_id.hex(),
        "signature": envelope.signature.hex(),
        "envelope": data.decode(),
        "id": envelope.transaction_id.hex(),
    }


def ledger_vector(genesis: Genesis) -> Vector:
    """Return pages 4 and 5: one transaction through state, log, block, checkpoint and policy."""
    data = encode_genesis(genesis)
    identity, state = genesis_digest(data), initial_state(genesis)
    first_root, founded = state.root(), tables(state.top, "")
    _, envelope = envelope_of(genesis, register())
    _, _, events = apply(state, identity, envelope)
    entry = encode_entry(envelope, encode_events(events))
    root = tree_root([entry_hash(entry)])
    app_hash = application_hash(state.root(), 1, root)
    block = Block(identity, 0, 1, state.root(), app_hash, certificate="cosigned")
    refusal = encode_refusal("already", envelope)
    refused = refused_digest([(1, refusal)])
    second = Block(block.digest(), 1, 0, state.root(), app_hash, refused, "ada", "example@1")
    checkpoint = Checkpoint(origin_of(identity), 1, root, block.digest())
    note = sign_checkpoint(checkpoint, key_of("log"))
    frames = ((GENESIS, data), (ENTRY, entry), (BLOCK, block.body()), (CHECKPOINT, note.encode()))
    return {
        "genesis": data.decode(),
        "state_at_first": founded,
        "root_at_first": first_root.hex(),
        "events": encode_events(events).decode(),
        "entry": entry.hex(),
        "leaf_hash": entry_hash(entry).hex(),
        "log_root": root.hex(),
        "state": tables(state.top, ""),
        "state_root": state.root().hex(),
        "app_hash": block.app_hash.hex(),
        "block": block.body().hex(),
        "block_hash": block.digest().hex(),
        "refusal": refusal.decode(),
        "refused": refused.hex(),
        "block_with_refusal": second.body().hex(),
        "block_with_refusal_hash": second.digest().hex(),
        "checkpoint": note,
        "verifier_key": verifier_key(checkpoint.origin, key_of("log").public),
        "policy": policy_text(data, key_of("log").public, [note]),
        "file": b"".join(encode_frame(kind, body) for kind, body in frames).hex(),
        "empty_root": State().root().hex(),
    }


def receipt_vector(genesis: Genesis) -> Vector:
    """Return pages 5 and 11: the entry's checkpoint cosigned by all, a receipt, its policies."""
    ledger = ledger_vector(genesis)
    checkpoint = open_checkpoint(ledger["checkpoint"], *parse_verifier_key(ledger["verifier_key"]))
    names = {member.id: cosigner_name(checkpoint.origin, member.id) for member in genesis.members}
    lines = {
        one: cosign(checkpoint, name, key_of(one), 1700000000 + index)
        for index, (one, name) in enumerate(names.items())
    }
    note = ledger["checkpoint"] + "".join(lines.values())
    extra = encode_extra(encode_genesis(genesis), bytes.fromhex(ledger["entry"]))
    groups, quorum = two_thirds({member.id: member.power for member in genesis.members})
    witnesses = {one: (name, key_of(one).public) for one, name in names.items()}
    log = (checkpoint.origin, key_of("log").public)
    policy = CosigningPolicy([log], witnesses, groups, quorum)
    return {
        "cosigned": note,
        "cosigned_text": {
            one: f"cosignature/v1\ntime {1700000000 + index}\n{checkpoint.text()}"
            for index, one in enumerate(names)
        },
        "receipt": encode_receipt(Receipt(0, (), note, extra)),
        "policy": "".join(f"{line}\n" for line in policy_lines(policy)),
    }


def tables(node: Node, path: str) -> list[Vector]:
    """Return a state's tables and branches, each with its root and what it is over."""
    if isinstance(node, TableNode):
        entries = [
            {"key": key, "value": value.decode()} for key, value in sorted(node.encoded().items())
        ]
        return [{"table": path, "root": node.root().hex(), "entries": entries}]
    if not isinstance(node, BranchNode):
        raise TypeError(path)
    below = [
        table
        for name in sorted(node.children)
        for table in tables(node.children[name], f"{path}/{name}".lstrip("/"))
    ]
    children = {name: node.children[name].root().hex() for name in sorted(node.children)}
    return [*below, {"branch": path, "root": node.root().hex(), "children": children}]


def fork_vector(genesis: Genesis, first: int, second: int) -> Vector:
    """Return page 10: two notes of a log's key over logs that part after one entry.

    The blocks are made up; nothing in a proof depends on what is in them.
    """
    identity = genesis_digest(encode_genesis(genesis))
    common = Block(identity, 0, 1, digest("state 1"), digest("app 1"))
    sides = {"first": ("left", first), "second": ("right", second)}
    said: Vector = {"genesis": encode_genesis(genesis).decode()}
    for side, (label, size) in sides.items():
        block = Block(
            common.digest(), 1, size - 1, digest(f"{label} state"), digest(f"{label} app")
        )
        root = digest(f"{label} root")
        checkpoint = Checkpoint(origin_of(identity), size, root, block.digest())
        said[f"{side}.note"] = sign_checkpoint(checkpoint, key_of("log"))
        said[f"{side}.blocks"] = block.body().hex()
    return said


def promise_vector(genesis: Genesis, index: int) -> Vector:
    """Return page 10: the log's word that a transaction is at an index."""
    identity = genesis_digest(encode_genesis(genesis))
    promise = InclusionPromise(identity, index, digest("transaction"))
    return {
        "genesis": identity.hex(), "index": index, "transaction": digest("transaction").hex(),
        "note": sign_inclusion_promise(promise, key_of("log")),
    }  # fmt: skip


def blobs(identity: bytes) -> Vector:
    """Return page 8: updates, models, commitment, draw, rotation and bundle."""
    one = (TensorSpec("w", (1,)),)
    two = (TensorSpec("bias", ()), TensorSpec("weight", (2, 1)))
    model = ModelState(two, np.array([0.5, -1.0, 2.0], np.float32), "adam@1", 3, slots())
    smallest = ModelState(one, np.zeros(1, np.float32), "none@1", 0, ())
    update, salt = encode_update(np.array([1, -32767, 32767, 0], np.int16), 12), digest("salt")
    bound = commitment(identity, "heart", 1, 2, "ada", sha256(update).digest(), salt)
    draw = tagged_hash("draw", identity, lp(b"heart"), u64(7), u64(1), lp(b"ada"))
    proposal, new = to_text(bytes(16)), key_of("cy, later")
    message = rotation_message(to_text(identity), proposal, "cy", to_text(new.public))
    files = {"model.safetensors": released_bytes(model), "schema.json": b"{}"}
    return {
        "update": [encode_update(np.zeros(1, np.int16), 0).hex(), update.hex()],
        "model": [encode_model(smallest).hex(), encode_model(model).hex()],
        "commitment": {
            "genesis": identity.hex(), "study": "heart", "round": 1, "attempt": 2, "member": "ada",
            "update": sha256(update).hexdigest(), "salt": salt.hex(), "commitment": bound.hex(),
        },
        "draw": {
            "genesis": identity.hex(), "study": "heart", "seed": 7, "round": 1, "member": "ada",
            "draw": draw.hex(),
        },
        "rotation": {
            "genesis": to_text(identity), "proposal": proposal, "member": "cy",
            "key": to_text(new.public), "message": message.hex(),
            "proof": to_text(new.sign(message)),
        },
        "bundle": {
            "files": {name: data.hex() for name, data in files.items()},
            "digest": bundle_digest(files).hex(),
        },
    }  # fmt: skip


def sealed(genesis: Genesis, recipients: list[str]) -> Vector:
    """Return page 9: an update sealed to some members, with what lies between."""
    update = encode_update(np.array([1, -32767, 32767, 0], np.int16), 12)
    identity = genesis_digest(encode_genesis(genesis))
    context = Context(identity, "heart", 1, 2, "ada", sha256(update).digest())
    seed, keys = digest("seed"), [key_of(name) for name in recipients]
    data = seal(update, context, seed, [key.public for key in keys])
    return {
        "genesis": identity.hex(), "study": "heart", "round": 1, "attempt": 2, "author": "ada",
        "update": update.hex(), "digest": context.digest.hex(), "context": context.encode().hex(),
        "recipient_seeds": [sha256(f"vectors {name}".encode()).hexdigest() for name in recipients],
        "recipients": [key.public.hex() for key in keys],
        "exchange_keys": [exchange_key(key.public).hex() for key in keys],
        "seed": seed.hex(),
        "ephemeral_material": [
            expand(seed, tag("sealed-ephemeral") + key.public, 32).hex() for key in keys
        ],
        "body_key": expand(seed, tag("sealed-body"), 32).hex(),
        "sealed": data.hex(), "sealed_digest": sha256(data).hexdigest(),
    }  # fmt: skip


def own_secrets(name: str) -> OwnSecrets:
    """Return a member's secrets of an attempt."""
    return OwnSecrets(
        int.from_bytes(digest(f"mask {name}"), "little") % PRIME,
        int.from_bytes(digest(f"self {name}"), "little") % PRIME,
        digest(f"share {name}"),
    )


@dataclass(frozen=True)
class Dealt:
    """An attempt in which all have dealt, and the updates of those who stay."""

    own: dict[str, OwnSecrets]
    deals: dict[str, bytes]
    agreement: FixedDeals
    updates: dict[str, NDArray[np.int16]]

    def begins(self) -> Vector:
        """Return what comes before the members."""
        agreement, share_holders = self.agreement, self.agreement.share_holders
        return {
            "place": share_holders.place.encode().hex(),
            "threshold": share_holders.threshold,
            "weight": 3,
            "ring": agreement.ring,
            "exponent": agreement.exponent,
            "model": agreement.model.hex(),
        }

    def member(self, name: str) -> Vector:
        """Return a member's secrets and public keys."""
        own, keys = self.own[name], self.agreement.share_holders.keys[name]
        return {
            "mask_secret": from_element(own.mask).hex(), "self_secret": from_element(own.own).hex(),
            "share_private": own.share.hex(),
            "mask_key": keys.mask.hex(), "share_key": keys.share.hex(),
        }  # fmt: skip

    def transcript(self) -> Vector:
        """Return what comes between the members and what they send."""
        updates = {name: values.tolist() for name, values in self.updates.items()}
        return {"transcript": self.agreement.transcript().hex(), "updates": updates}


def dealt(
    genesis: Genesis, protocol: SecureSum, names: list[str], threshold: int, missing: list[str],
    degree: int | None = None,
) -> Dealt:  # fmt: skip
    """Return an attempt in which some drop out after dealing."""
    place = AttemptId(genesis_digest(encode_genesis(genesis)), "heart", 1, 2)
    own = {name: own_secrets(name) for name in names}
    keys = {name: protocol.advertise(own[name]) for name in names}
    share_holders = ShareHolders(place, threshold, keys, degree=degree)
    deals = {name: protocol.deal(own[name], share_holders, name) for name in names}
    digests = {name: sha256(deal).digest() for name, deal in deals.items()}
    updates = {
        name: np.array([1, -32767, 32767, index], np.int16)
        for index, name in enumerate(names)
        if name not in missing
    }
    return Dealt(own, deals, FixedDeals(share_holders, digest("model 0"), 12, 32, digests), updates)


def encrypted_sum(genesis: Genesis, names: list[str], threshold: int, missing: str) -> Vector:
    """Return page 16: an attempt in which one drops out after dealing; long blobs as digests."""
    attempt = dealt(genesis, THRESHOLD_HE, names, threshold, [missing])
    own, deals, agreement = attempt.own, attempt.deals, attempt.agreement
    hidden = {
        name: THRESHOLD_HE.protect(own[name], agreement, name, residues(values, 3, 32))
        for name, values in attempt.updates.items()
    }
    posted = {
        name: THRESHOLD_HE.shares(own[name], agreement, name, deals, frozenset(hidden))
        for name in hidden
    }
    total = THRESHOLD_HE.total(agreement, 4, hidden, deals, posted)
    if isinstance(total, SumFailure):
        raise AssertionError(total)
    return {
        **attempt.begins(),
        "members": {
            name: {
                **attempt.member(name),
                "deal_begins": deals[name][:128].hex(), "deal": agreement.deals[name].hex(),
            }
            for name in names
        },
        **attempt.transcript(),
        "encrypted": {
            name: {"begins": data[:96].hex(), "digest": sha256(data).hexdigest()}
            for name, data in hidden.items()
        },
        "shares": {
            name: {"begins": share[OF_THE_SUM][:96].hex(),
                   "digest": sha256(share[OF_THE_SUM]).hexdigest()}
            for name, share in posted.items()
        },
        "total": total.tolist(),
    }  # fmt: skip


def secagg(
    genesis: Genesis, names: list[str], threshold: int, missing: list[str],
    degree: int | None = None,
) -> Vector:  # fmt: skip
    """Return page 13: an attempt, in a graph or in none, in which some drop out after dealing."""
    attempt = dealt(genesis, SECAGG, names, threshold, missing, degree)
    own, deals, agreement = attempt.own, attempt.deals, attempt.agreement
    masked = {name: residues(values, 3, 32) for name, values in attempt.updates.items()}
    for name, vector in masked.items():
        SECAGG.mask(own[name], agreement, name, vector)
    survivors = frozenset(masked)
    posted = {
        name: SECAGG.shares(own[name], agreement, name, deals, survivors) for name in survivors
    }
    total = SECAGG.unmask(agreement, masked, deals, posted)
    if isinstance(total, SumFailure):
        raise AssertionError(total)
    graph = agreement.share_holders.graph
    return {
        **attempt.begins(),
        **({} if graph is None else {"degree": degree, "graph": graph}),
        "members": {
            name: {**attempt.member(name), "deal": deals[name].hex()} for name in names
        },
        **attempt.transcript(),
        "masked": {name: encode_masked(vector, 12).hex() for name, vector in masked.items()},
        "shares": {
            name: {dealer: share.hex() for dealer, share in posted[name].items()}
            for name in sorted(posted)
        },
        "total": total.tolist(),
    }  # fmt: skip


def groups(genesis: Genesis, members: int, count: int) -> Vector:
    """Return page 17: commitments to keys, and the groups that are drawn from the keys."""
    identity = genesis_digest(encode_genesis(genesis))
    keys = {
        name: digest(f"mask key {name}") + digest(f"share key {name}")
        for name in (f"m{number}" for number in range(1, members + 1))
    }
    return {
        "genesis": identity.hex(), "study": "heart", "round": 3, "attempt": 2, "count": count,
        "keys": {name: pair.hex() for name, pair in keys.items()},
        "commitments": {
            name: keys_commitment(identity, "heart", 3, 2, name, pair).hex()
            for name, pair in keys.items()
        },
        "groups": draw_groups("heart", 3, 2, keys, count),
    }  # fmt: skip


def pedersen(ring: int, values: list[int], blinding: int) -> Vector:
    """Return page 17: a commitment to a vector."""
    made = pedersen_commitments.commitment(np.array(values, np.int64), ring, blinding)
    return {"ring": ring, "values": values, "blinding": str(blinding), "commitment": made.hex()}


def slots() -> tuple[tuple[str, Any], ...]:
    """Return the two vectors that adam keeps, of three parameters."""
    return (
        ("first_moment", np.array([0.25, 0.0, -0.125])),
        ("second_moment", np.array([1e-6, 1e-6, 0.5])),
    )


def scores(genesis: Genesis, included: list[str], norm: int | None) -> Vector:
    """Return one validator's scores with their commitment, and what three of them come to."""
    identity, salt = genesis_digest(encode_genesis(genesis)), sha256(b"vectors salt").digest()
    told: Vector = {"scores": tuple((-1) ** i * 1000 * (i + 1) for i in range(len(included)))}
    scored = ScoreRecord(**told) if norm is None else ScoreRecord(**told, norm=norm)
    value = commitment_to_scores(identity, "heart", 2, 1, "bo", scored, salt)
    claims = [(-5, 1), (7, 3), (9, 2)]
    return {
        "study": "heart", "round": 2, "attempt": 1, "member": "bo", "included": included,
        "scored": canonical.encode(scored).decode(), "salt": salt.hex(),
        "commitment": value.hex(),
        "claims": [list(one) for one in claims], "median": median(claims),
    }  # fmt: skip


def reputations_vector() -> Vector:
    """Return how a reputation moves with eight good scores, four bad ones, twenty good ones."""
    terms = ScoreTerms(by="loss", demote=400_000, demotion="weight", threshold=0)
    now, course = NEW, []
    for score in (1,) * 8 + (-1,) * 4 + (1,) * 20:
        now = after(now, score, terms)
        course.append({"score": score, "good": now.good, "bad": now.bad,
                       "reputation": value_of(now), "demoted": now.demoted})  # fmt: skip
    return {"terms": msgspec.to_builtins(terms), "course": course}


def statistics() -> list[Vector]:
    """Return the steps of two sites: the smallest that may speak, and one with gaps."""
    source = TableSource(table="t.csv", target="died", smallest=2)
    sites = {
        "ada": _site([60.5, 61.0], ["f", "f"], ["no", "yes"]),
        "bo": _site([58.0, None, 71.25, None, 64.0], ["f", "m", "m", "", "f"],
                    ["no", "no", "yes", "no", "yes"]),
    }  # fmt: skip
    steps: list[Vector] = []
    agreed: bytes | None = None
    for number, name in enumerate(STEPS, start=1):
        before = None if agreed is None else decode_agreed(agreed)
        said = {
            site: encode_site_statistics(
                site_statistics_of(rows, "binary", before, source.smallest)
            )
            for site, rows in sites.items()
        }
        agreed = conclusion(source, "binary", agreed, said, 2)
        steps.append({
            "step": number,
            "name": name,
            "said": {site: data.decode() for site, data in said.items()},
            "agreement": agreed.decode(),
            "sha256": sha256(agreed).hexdigest(),
        })  # fmt: skip
    if agreed is None:
        raise AssertionError("set-up has steps")
    rows = sites["bo"]
    inputs = encode_columns(decode_agreed(agreed), rows.table.columns, rows.rows)
    return [*steps, {"inputs of bo, float32 big-endian": inputs.astype(">f4").tobytes().hex()}]


def summed_counts(rows: int) -> Vector:
    """Return page 19: what a site counts of rows, the other numbers being 0, and what is told."""
    units = [(i * 677_321 + 5) % UNIT for i in range(rows)]
    y = np.array([int(3 * one > UNIT) ^ (i % 7 == 0) for i, one in enumerate(units)])
    counts = tally(y, np.array(units)[:, None] / UNIT, 0.5)
    model = to_text(sha256(b"model").digest())
    return {
        "scores": units, "y": y.tolist(), "threshold": "0.5", "model": model,
        "counts": {str(at): int(counts[at]) for at in np.flatnonzero(counts)},
        "told": encode_sum(summed(counts, 3, model, "binary@2")).decode(), "sites": 3,
    }  # fmt: skip


def _site(ages: list[float | None], sexes: list[str], died: list[str]) -> StudyRows:
    values = np.array([np.nan if age is None else age for age in ages])
    columns = {
        "age": Column("age", "years", "numeric", values, None, ()),
        "sex": _words("sex", sexes),
    }
    rows = np.arange(len(ages))
    target = _words("died", died)
    if target.codes is None:
        raise AssertionError("words have codes")
    table, site = Columns(columns, len(ages)), np.zeros_like(rows)
    return StudyRows(table, target, None, rows, target.codes, site, ("site",), rows, ())


def _words(name: str, cells: list[str]) -> Column:
    words = sorted({cell for cell in cells if cell})
    codes = np.array([words.index(cell) if cell else -1 for cell in cells])
    return Column(name, "", "categorical", None, codes, tuple(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
