"""A second verifier, written from docs/spec/ alone: it shares no code with Collegium.

Usage: python second_verifier.py RUN [POLICY]. It reads RUN/ledger.log, RUN/blobs/ and, where it is
there, RUN/model/; it prints what it finds wrong and exits 1, or prints "ok" and exits 0. It needs
the standard library and `cryptography`. It takes state roots as they are recorded, and judges
whether the contract was right to accept a transaction only as far as is checked here.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from math import ldexp, prod
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER_Y = {0, 1, P - 1, Y8, P - Y8}
ID, NAME = "[a-z0-9][a-z0-9_-]{0,39}", r"[^\W_](([^\W_]|[ .,'&()-]){0,58}([^\W_]|[.)]))?"
ENVELOPE = re.compile(
    rb'\{"payload":"([^"]*)","payloadType":"application/vnd\.collegium\.tx\+json",'
    rb'"signatures":\[\{"keyid":"([0-9a-f]{64})","sig":"([^"]*)"\}\]\}'
)


@dataclass
class History:
    """What the log has said so far. `said` is what was signed, by natural key (page 6)."""

    genesis: dict[str, Any]
    identity: bytes
    block: bytes
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    said: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    proposed: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    opened: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    included: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)
    closed: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    first: int = 0
    last: int = 1


def need(condition: object, what: str) -> None:
    """Refuse to go on unless a condition holds."""
    if not condition:
        raise ValueError(what)


def lp(data: bytes) -> bytes:
    """Return a u32 length, then the bytes."""
    return len(data).to_bytes(4, "big") + data


def tagged(what: str, *parts: bytes) -> bytes:
    """Return a hash under a domain tag (page 1)."""
    return sha256(f"collegium/{what}/v1\0".encode() + b"".join(parts)).digest()


def standard(text: str) -> bytes:
    """Return the bytes behind standard base64 in its one spelling."""
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 in another spelling")
    return data


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def raw(text: str, size: int = 32) -> bytes:
    """Return the bytes behind base64url in its one spelling (page 1)."""
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    need(b64url(data) == text and len(data) == size, f"{text[:60]!r} is not base64url of {size}")
    return data


def canonical(value: object) -> bytes:
    """Return canonical JSON (page 1)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def parse(data: bytes) -> Any:
    """Return the value of canonical JSON, refusing every other spelling (page 1)."""
    value = json.loads(data.decode())
    level, depth = [value], 0
    while level:
        need(all(isinstance(one, dict | list | str | int) for one in level), "a float or null")
        need(all(abs(one) < 2**53 for one in level if isinstance(one, int)), "a large integer")
        need(all(key.isascii() for one in level if isinstance(one, dict) for key in one), "a key")
        nested = [one for one in level if isinstance(one, dict | list)]
        level = [x for one in nested for x in (one.values() if isinstance(one, dict) else one)]
        depth += bool(nested)
    need(depth <= 32 and canonical(value) == data, "JSON is not canonical, or nested too deeply")
    return value


def point(key: bytes) -> tuple[int, int] | None:
    """Return the point of a canonical encoding that is not of small order, or None (page 2)."""
    number = int.from_bytes(key, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    if len(key) != 32 or y >= P or y in SMALL_ORDER_Y or x * x % P != square:
        return None
    return (x if x & 1 == sign else P - x), y


def sound(key: bytes) -> bool:
    """Return whether a key is a point of the prime-order group (page 3)."""
    base, total = point(key), (0, 1)
    for bit in f"{ORDER:b}" if base else "":
        for x, y in [total] if bit == "0" or base is None else [total, base]:
            t, u, v = D * total[0] * x * total[1] * y, *total
            total = (u * y + x * v) * pow(1 + t, -1, P) % P, (v * y + u * x) * pow(1 - t, -1, P) % P
    return base is not None and total == (0, 1)


def signature_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature holds under the one rule of page 2."""
    small = (int.from_bytes(signature[:32], "little") & (2**255 - 1)) % P in SMALL_ORDER_Y
    if small or int.from_bytes(signature[32:], "little") >= ORDER or point(key) is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def root(leaves: list[bytes]) -> bytes:
    """Return the root of the tree over leaf hashes (page 1)."""
    while len(leaves) > 1:
        pairs = [leaves[at : at + 2] for at in range(0, len(leaves), 2)]
        leaves = [sha256(b"\1" + b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs]
    return leaves[0] if leaves else sha256().digest()


def weigh(powers: dict[str, int], yes: set[str]) -> tuple[int, bool]:
    """Return the power of those who say yes, and whether it is a quorum (page 6)."""
    power = sum(powers[name] for name in powers.keys() & yes)
    return power, 3 * power > 2 * sum(powers.values())


def own(history: History, key: str, name: str) -> None:
    """Note whose a key is (page 3); nobody had it before."""
    identifier = sha256(raw(key)).hexdigest()
    need(sound(raw(key)) and identifier not in history.owners, "a key is not sound, or used twice")
    history.owners[identifier] = name


def admit(history: History, member: dict[str, Any]) -> None:
    """Check a member of the genesis or of an admission (page 3), and add it."""
    name, roles, power = member["id"], member["roles"], member["power"]
    need(
        re.fullmatch(ID, name) and re.fullmatch(NAME, member["name"]), "an id or name is malformed"
    )
    need(roles and roles == sorted(set(roles) & {"owner", "site", "validator"}), "roles are wrong")
    need(power in (range(1, 2**32 + 1) if "validator" in roles else [0]), "a power is out of range")
    need(len(member) == 5 and name not in history.members, "unknown fields, or an id is taken")
    own(history, member["key"], name)
    history.members[name] = dict(member)


def voters(history: History) -> dict[str, int]:
    """Return the powers of the current validators, in order of their ids."""
    return {name: who["power"] for name, who in sorted(history.members.items()) if who["power"]}


def read_genesis(body: bytes) -> History:
    """Return a history with the members of a genesis and nothing said (page 3)."""
    genesis, identity = parse(body), tagged("genesis", body)
    history = History(genesis, identity, identity)
    need(len(genesis) == 6 and re.fullmatch(ID, genesis["chain"]), "unknown fields, or its chain")
    need((genesis["contract"], genesis["format"]) == (1, 1), "it has another version")
    need(genesis["keys"] in ("held", "simulated"), "it does not say whose the keys are")
    own(history, genesis["log"], "*log")
    for member in genesis["members"]:
        admit(history, member)
    need(list(history.members) == sorted(history.members), "members are not sorted")
    need(voters(history), "nobody validates")
    return history


def open_checkpoint(history: History, note: str) -> tuple[int, bytes, bytes]:
    """Return size, root and last block hash of a checkpoint that the log signed (page 5)."""
    name, key = f"collegium/{history.identity.hex()}", raw(history.genesis["log"])
    hint = sha256(f"{name}\n\1".encode() + key).digest()[:4]
    text, _, signatures = note.partition("\n\n")
    origin, size, tree, block = text.split("\n")
    need(origin == name and re.fullmatch("0|[1-9][0-9]{0,18}", size), "its origin or size")
    for line in signatures.removesuffix("\n").split("\n"):
        dash, who, signature = line.split(" ")
        data = standard(signature)
        need(dash == "\N{EM DASH}" and who and note.endswith("\n"), "a signature line is malformed")
        if who == name and signature_holds(key, f"{text}\n".encode(), data.removeprefix(hint)):
            return int(size), standard(tree), standard(block)
    raise ValueError("the log's key did not sign a checkpoint")


def read_envelope(history: History, data: bytes) -> None:
    """Check a signed transaction and remember it (pages 2, 6 and 8)."""
    match = ENVELOPE.fullmatch(data) if len(data) <= 16384 else None
    if match is None:
        raise ValueError("an envelope is not in its one form")
    payload, who, signature = (part.decode() for part in match.groups())
    sender, message = history.owners.get(who, ""), standard(payload)
    key = history.members.get(sender, {}).get("key", "")
    need(key and sha256(raw(key)).hexdigest() == who, "it is signed by a key that is no member's")
    pae = b"DSSEv1 33 application/vnd.collegium.tx+json %d %s" % (len(message), message)
    need(signature_holds(raw(key), pae, standard(signature)), f"the signature is not {sender}'s")
    tx = parse(message)
    need(tx["format"] == 1 and tx["genesis"] == b64url(history.identity), "for another ledger")
    fields = ("study", "round", "attempt", "phase", "proposal")
    natural = (tx["kind"], sender, *(tx[name] for name in fields if name in tx))
    need(natural not in history.said, f"{sender} says a second time what it may say once")
    if tx["kind"] != "evidence.conflict":
        history.said[natural] = tx
    if tx["kind"] == "member.propose":
        history.proposed[tx["proposal"]] = tx["action"]
    elif tx["kind"] == "study.register":
        need(tx["study"] not in history.terms, "a study is registered twice")
        history.terms[tx["study"]], history.models[tx["study"]] = tx, tx["model"]
    elif tx["kind"] == "study.accept":
        need(tx["document"] == history.terms[tx["study"]]["document"], "another document")
    elif tx["kind"] == "update.reveal":
        committed = history.said["update.commit", *natural[1:]]["commitment"]
        place = lp(tx["study"].encode()) + struct.pack(">QQ", tx["round"], tx["attempt"])
        place += lp(sender.encode()) + raw(tx["digest"]) + raw(tx["salt"])
        need(raw(committed) == tagged("commitment", history.identity, place), "not its commitment")


def follow(history: History, event: dict[str, Any]) -> None:
    """Check an event against what was said before it (pages 6 to 8)."""
    kind, powers, said = event["event"], voters(history), history.said
    if kind == "proposal.accepted":
        ballots = {name: said.get(("member.vote", name, event["proposal"]), {}) for name in powers}
        yes = {name for name, ballot in ballots.items() if ballot.get("approve")}
        need(weigh(powers, yes)[1], "a proposal has no quorum")
    elif kind == "membership.changed":
        change(history, event["proposal"], event["action"])
    elif kind == "round.opened":
        open_round(history, event)
    elif "round" not in event and "model" in event:
        need(event["model"] == history.models[event["study"]], f"{kind} names another model")
    if kind not in ("updates.included", "round.closed"):
        return
    place = (event["study"], event["round"], event["attempt"])
    opened = history.opened[place]
    powers = dict(zip(opened["validators"], opened["powers"], strict=True))
    if kind == "round.closed":
        votes = {name: said.get(("round.vote", name, *place), {}).get("model") for name in powers}
        agree = weigh(powers, {name for name, vote in votes.items() if vote == event["model"]})
        need(agree == (event["power"], True), "no quorum voted for a model")
        need(event["parent"] == history.models[place[0]], "a model has another parent")
        history.models[place[0]], history.closed[place] = event["model"], event
        return
    people, maps, included = opened["participants"], {}, []
    for name in powers:
        if ("update.available", name, *place) in said:
            text = said["update.available", name, *place]["bitmap"]
            maps[name] = raw(text, (len(people) + 7) // 8)
    for index, name in enumerate(people):
        yes = {who for who, bits in maps.items() if bits[index >> 3] >> (7 - (index & 7)) & 1}
        included += [name] if weigh(powers, yes)[1] else []
    need(event["members"] == included, "others are included than a quorum attested")
    history.included[place] = included


def open_round(history: History, event: dict[str, Any]) -> None:
    """Check from which model an attempt starts, and who takes part by the draw of page 8."""
    study, number, attempt = event["study"], event["round"], event["attempt"]
    terms, said, earlier = history.terms[study], history.said, [x[0] for x in history.closed]
    turn = event["model"] == history.models[study] and number == earlier.count(study) + 1
    need(turn and attempt == 1 + sum(x[:2] == (study, number) for x in history.opened), "its turn")
    weights = {
        name: said["study.accept", name, study]["weight"] if terms["weights"] == "rows" else 1
        for name in terms["sites"]
        if ("study.accept", name, study) in said and history.members[name]["key"]
    }
    here = history.identity + lp(study.encode()) + struct.pack(">QQ", terms["seed"], number)
    drawn = sorted(weights, key=lambda name: tagged("draw", here, lp(name.encode())))
    people, powers = sorted(drawn[: terms["per_round"]]), voters(history)
    if attempt > 1:
        people = history.opened[study, number, 1]["participants"]
    need(event["participants"] == people, "others take part than were drawn")
    need(event["weights"] == [weights[name] for name in people], "a weight is not as accepted")
    need((event["validators"], event["powers"]) == (list(powers), list(powers.values())), "powers")
    history.opened[study, number, attempt] = event


def change(history: History, proposal: str, action: dict[str, Any]) -> None:
    """Carry out an accepted change of the membership (pages 6 and 8)."""
    need(history.proposed.pop(proposal) == action, "another change than the proposed one")
    if action["do"] == "admit":
        admit(history, action["member"])
    elif action["do"] == "expel":
        history.members[action["member"]].update(key="", power=0)
    else:
        name, key, proof = action["member"], action["key"], raw(action["proof"], 64)
        told = canonical([b64url(history.identity), proposal, name, key])
        need(signature_holds(raw(key), tagged("rotate", told), proof), "a rotation is not proven")
        own(history, key, name)
        history.members[name]["key"] = key


def read_blob(run: Path, name: str) -> bytes:
    """Return a named blob (page 8)."""
    data = (run / "blobs" / raw(name).hex()).read_bytes()
    need(sha256(data).digest() == raw(name), f"the blob {raw(name).hex()} has other bytes")
    return data


def recompute(run: Path, history: History, place: tuple[Any, ...]) -> None:
    """Check an attempt's included updates and, where it closed its round, the model (page 8)."""
    opened, terms = history.opened[place], history.terms[place[0]]
    registered = dict(zip(opened["participants"], opened["weights"], strict=True))
    exponent, size, sums, total = opened["exponent"], terms["parameters"], [0], 0
    head = b"collegium/update/v1\0" + struct.pack(">QBh", size, 2, exponent)
    for name in history.included[place]:
        reveal, weight = history.said["update.reveal", name, *place], registered[name]
        data = read_blob(run, reveal["digest"])
        values = struct.unpack(f"<{size}h", data.removeprefix(head))
        claim = max(map(abs, values)), sum(abs(x) == 32767 for x in values)
        need(claim == (reveal["peak"], reveal["saturated"]), f"{name}'s update is not as revealed")
        sums = [old + weight * x for old, x in zip(sums if total else [0] * size, values)]
        total += weight
    if place not in history.closed or (terms["rule"], terms["server"]) != RECOMPUTED:
        return
    document = parse(read_blob(run, terms["document"]))
    rate = float(document["aggregation"]["server"]["learning_rate"])
    start = read_blob(run, history.closed[place]["parent"])
    shapes, at = [], 23
    for _ in range(struct.unpack_from(">I", start, 19)[0]):
        at += 4 + struct.unpack_from(">I", start, at)[0]
        shapes.append(struct.unpack_from(f">{start[at]}I", start, at + 1))
        at += 1 + 4 * start[at]
    need(start.startswith(MODEL) and sum(map(prod, shapes)) == size, "its model is of another size")
    before, end, scale = (
        struct.unpack_from(f"<{size}f", start, at),
        at + 4 * size,
        ldexp(total, exponent),
    )
    after = [old + rate * (float(s) / scale) for old, s in zip(before, sums)]
    step = int.from_bytes(start[-12:-4], "big")
    need(start[end:] == lp(b"average@1") + struct.pack(">QI", step, 0), "its model has other slots")
    model = start[:at] + struct.pack(f"<{size}f", *after) + start[end:-12]
    model += struct.pack(">QI", step + 1, 0)
    need(sha256(model).digest() == raw(history.closed[place]["model"]), "recomputing differs")


def read_frame(history: History, kind: int, body: bytes) -> None:
    """Check one frame of the file after the first (page 4)."""
    last, history.last, size = history.last, kind, len(history.leaves)
    if kind == 2:
        history.leaves.append(sha256(b"\0" + body).digest())
        length = int.from_bytes(body[:4], "big")
        envelope, events = body[4 : 4 + length], body[8 + length :]
        need(lp(envelope) + lp(events) == body, "an entry's lengths do not fit")
        read_envelope(history, envelope)
        for event in parse(events):
            follow(history, event)
    elif kind == 3:
        app = tagged("app", body[48:80], struct.pack(">Q", size), root(history.leaves))
        head = history.block + struct.pack(">QQ", history.first, size - history.first)
        history.block, sizes = tagged("block", body), (history.first, size)
        history.first = size
        need(body == head + body[48:80] + app and sizes[0] < sizes[1], "a block does not fit")
    else:
        here = (size, root(history.leaves), history.block)
        need(kind == 4 and last == 3, "a frame stands where none of its type may")
        need(open_checkpoint(history, body.decode()) == here, "a checkpoint of another history")


def check_policy(history: History, policy: dict[str, Any]) -> None:
    """Hold the history to what an outsider kept (page 5)."""
    key, name = b"\1" + raw(history.genesis["log"]), f"collegium/{history.identity.hex()}"
    hint = sha256(f"{name}\n".encode() + key).digest()[:4].hex()
    expected = {
        "format": "collegium-policy/v1",
        "genesis": history.identity.hex(),
        "log": f"{name}+{hint}+{base64.b64encode(key).decode()}",
        "members": {member["id"]: member["key"] for member in history.genesis["members"]},
        "checkpoints": policy["checkpoints"],
    }
    need(policy == expected, "it does not speak of this ledger")
    for size, tree, _ in sorted(open_checkpoint(history, one) for one in policy["checkpoints"]):
        here = size <= len(history.leaves) and root(history.leaves[:size]) == tree
        need(here, f"histories part before entry {size}")


def check_bundle(run: Path, history: History) -> None:
    """Check the released model's files against the digest on the ledger (page 8)."""
    files = sorted((run / "model").iterdir(), key=lambda path: path.name.encode())
    parts = [lp(path.name.encode()) + sha256(path.read_bytes()).digest() for path in files]
    released = [tx["bundle"] for key, tx in history.said.items() if key[0] == "model.release"]
    need(b64url(tagged("bundle", *parts)) in released, "it is not what was released")


def verify(run: Path, policy: Path | None) -> list[str]:
    """Return everything that is found wrong with a run."""
    findings: list[str] = []

    def check(where: str, action: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return action(*arguments)
        except Exception as error:  # no bytes lead to a traceback
            return findings.append(f"{where}: {error or type(error).__name__}")

    data = check("ledger.log", (run / "ledger.log").read_bytes) or b""
    frames, at = [], 0
    while at + 5 <= len(data) and data[at] in (1, 2, 3, 4):
        end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        if end > min(len(data), at + 5 + 2**24):
            break
        frames.append((at, data[at], data[at + 5 : end]))
        at = end
    history = check("genesis", read_genesis, frames[0][2] if frames and data[0] == 1 else b"")
    if history is None:
        return findings
    for start, kind, body in frames[1:]:
        check(f"ledger.log, byte {start}", read_frame, history, kind, body)
    if at < len(data) or history.last != 4:
        findings.append("ledger.log does not end with a checkpoint: its end is torn or missing")
    named = [event["model"] for event in history.closed.values()]
    named += [tx[name] for tx in history.terms.values() for name in ("document", "model")]
    posts = [tx for key, tx in history.said.items() if key[0] == "evaluation.post"]
    named += [tx[name] for tx in posts for name in ("federated", "local") if name in tx]
    for name in dict.fromkeys(named):
        check("blobs", read_blob, run, name)
    for place in history.included:
        check(f"{place}", recompute, run, history, place)
    for path in check("blobs", lambda: sorted((run / "blobs").glob("[!.]*"))) or []:
        check("blobs", lambda path=path: read_blob(run, b64url(bytes.fromhex(path.name))))
    if (run / "model").exists():
        check("model", check_bundle, run, history)
    if policy is not None:
        check("policy", lambda: check_policy(history, json.loads(policy.read_bytes())))
    return findings


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    found = verify(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
    print("\n".join(found) or "ok")
    sys.exit(1 if found else 0)
