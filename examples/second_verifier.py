"""A second verifier: it follows docs/spec/ and shares no code with Collegium.

Usage: python second_verifier.py RUN [POLICY]. Taken as recorded: roots, scores, losses, set-up,
sums of hidden updates, whom the neighbours of a graph had barred, who has room in a privacy budget,
why a transaction was refused; certificates are not looked at.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER_Y = {0, 1, P - 1, Y8, P - Y8}
ID, MODULE = "[a-z0-9][a-z0-9_-]{0,39}", "[a-z][a-z0-9_]{0,39}@[1-9][0-9]{0,3}"
OURS, HIDDEN = ("fedavg@1", "none@1"), {"secagg@1", "secagg_plus@1", "threshold_he@1"}
SITES_SPEAK = ("commit", "open", "reveal", "sa.", "share", "statistics.post")
REPEATED = ("blob.retire", "evidence.conflict", "member.vote", "phase.timeout", "study.abandon")
ENVELOPE = re.compile(
    r'\{"payload":"([^"]*)","payloadType":"application/vnd\.collegium\.tx\+json",'
    r'"signatures":\[\{"keyid":"([0-9a-f]{64})","sig":"([^"]*)"\}\]\}')  # fmt: skip


@dataclass
class History:
    """What the log has said: transactions by natural key, events by kind and place, and more."""

    genesis: dict[str, Any]
    identity: bytes
    block: bytes
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    said: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    proposers: tuple[str, ...] = ()
    refused: bytes = b""
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


def raw(text: str, size: int = 32) -> bytes:
    """Return the bytes behind base64url in its one spelling (page 1)."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(b64url(data) == text and len(data) == size, f"{text[:60]!r} is not base64url of {size}")
    return data


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def parse(data: bytes) -> Any:
    """Return the value of canonical JSON, refusing every other spelling (page 1)."""
    value = json.loads(data.decode(), parse_float=bytes.fromhex, parse_constant=bytes.fromhex)
    level, depth = [value], 0
    while level:
        small = all(abs(item) < 2**53 for item in level if isinstance(item, int))
        need(small and None not in level, "a null or an integer beyond 2^53 - 1")
        nested = [item for item in level if isinstance(item, dict | list)]
        need(all(key.isascii() for one in nested if isinstance(one, dict) for key in one), "a key")
        level = [x for one in nested for x in (one.values() if isinstance(one, dict) else one)]
        depth += bool(nested)
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    need(depth <= 32 and again == data, "JSON is not canonical, or nested too deeply")
    return value


def sound(key: bytes) -> bool:
    """Return whether bytes encode a point, canonically, and none of small order (page 2)."""
    y = int.from_bytes(key, "little") & (2**255 - 1)
    square = 121666 * (y * y - 1) * pow(121666 - 121665 * y * y, -1, P) % P
    return len(key) == 32 and y < P and y not in SMALL_ORDER_Y and pow(square, P // 2, P) == 1


def check_signature(key: bytes, message: bytes, signature: bytes) -> None:
    """Refuse a signature that does not hold under the one rule of page 2."""
    r, s = (int.from_bytes(part, "little") for part in (signature[:32], signature[32:]))
    need(s < ORDER and r % 2**255 % P not in SMALL_ORDER_Y and sound(key), "an unsound signature")
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)


def root(leaves: list[bytes]) -> bytes:
    """Return the root of the tree over leaf hashes (page 1)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


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
    need(re.fullmatch(ID, name) and 0 < len(member["name"]) <= 60, "an id or name is wrong")
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
    history = History(genesis := parse(body), tagged("genesis", body), tagged("genesis", body))
    need(genesis["contract"] in (1, 2) and genesis["format"] == 1, "another version")
    history.modules |= {*(modules := genesis["modules"])}
    need(len({*genesis, "log", "ordered_within", "succeeds"}) == 9, "its fields")
    need(all(raw(v) for k, v in genesis.get("succeeds", {}).items() if k != "size"), "succeeds")
    bound, least = genesis.get("ordered_within", 1), 1 + ("ordered_within" in genesis)
    need(genesis["contract"] >= least and 0 < bound <= 1000, "ordered_within")
    need(modules == sorted({*modules}) and all(re.fullmatch(MODULE, m) for m in modules), "modules")
    need(re.fullmatch(ID, genesis["chain"]) and genesis["keys"] in ("held", "simulated"), "chain")
    if "log" in genesis:
        own(history, genesis["log"], "*log")
    for member in genesis["members"]:
        admit(history, member)
    need(list(history.members) == sorted(history.members) and voters(history), "members' order")
    history.proposers = tuple(voters(history))
    return history


def open_checkpoint(history: History, note: str) -> tuple[int, bytes, bytes]:
    """Return size, root and last block hash of a checkpoint that the log signed (page 5)."""
    name, key = f"collegium/{history.identity.hex()}", raw(history.genesis["log"])
    hint = sha256(f"{name}\n\1".encode() + key).digest()[:4]
    text, _, signatures = note.partition("\n\n")
    origin, size, tree, block = text.split("\n")
    need(origin == name and re.fullmatch("0|[1-9][0-9]{0,18}", size), "its origin or size")
    lines = re.findall("(\N{EM DASH} ([^ \n]+) ([^ \n]+)\n)", signatures)
    ours = [standard(b)[4:] for _, who, b in lines if (who, standard(b)[:4]) == (name, hint)]
    need(ours and "".join(line[0] for line in lines) == signatures, "no good signature line")
    for signature in ours:
        check_signature(key, f"{text}\n".encode(), signature)
    return int(size), standard(tree), standard(block)


def read_envelope(history: History, data: bytes) -> None:
    """Check a signed transaction and remember it (pages 2, 6 and 8)."""
    match = ENVELOPE.fullmatch(data.decode())
    payload, who, signature = match.groups() if match and len(data) <= 16384 else ("", "", "")
    sender, message = history.owners.get(who, ""), standard(payload)
    key = history.members.get(sender, {}).get("key", "")
    need(key and sha256(raw(key)).hexdigest() == who, "no envelope signed with a member's key")
    pae = b"DSSEv1 33 application/vnd.collegium.tx+json %d %s" % (len(message), message)
    check_signature(raw(key), pae, standard(signature))
    tx, said = parse(message), history.said
    need(tx["format"] == 1 and tx["genesis"] == b64url(history.identity), "for another ledger")
    fields = ("study", "round", "attempt", "phase", "proposal", "updates", "nonce", "step", "first")
    natural = (tx["kind"], sender, *(tx[name] for name in fields if name in tx))
    need(natural not in said or tx["kind"] in REPEATED, f"{sender} says a thing twice")
    need(said.setdefault(natural, tx) == tx and "." in tx["kind"], f"{sender} contradicts itself")
    if tx["kind"] == "member.propose":
        history.said["proposed", tx["proposal"]] = tx["action"]
    elif tx["kind"] == "study.register":
        need(tx["study"] not in history.models, "a study is registered twice")
        need(history.modules.issuperset(tx["modules"]), "a study's modules are not admitted")
        history.said["terms", tx["study"]], history.models[tx["study"]] = tx, tx["model"]
    elif tx["kind"] == "update.reveal":
        committed = history.said["update.commit", *natural[1:]]["commitment"]
        place = lp(tx["study"].encode()) + struct.pack(">QQ", tx["round"], tx["attempt"])
        place += lp(sender.encode()) + raw(tx["digest"]) + raw(tx["salt"])
        need(raw(committed) == tagged("commitment", history.identity, place), "not its commitment")


def follow(history: History, event: dict[str, Any]) -> None:
    """Check an event against what was said before it (pages 6 to 8)."""
    kind, said, ask = event["event"], history.said, history.said.get
    place: Any = tuple(event.get(name) for name in ("study", "round", "attempt"))
    opened = ask(("round.opened", *place)) or ask(("sum.opened", *place)) or {}
    powers = voters(history)
    if opened:  # an attempt keeps its powers, whoever has left or joined since
        powers = dict(zip(opened["validators"], opened["powers"], strict=True))
    if kind == "proposal.accepted":
        yes = {n for n in powers if ask(("member.vote", n, event["proposal"]), {}).get("approve")}
        need(weigh(powers, yes)[1], "a proposal has no quorum")
        said["accepted", event["proposal"]] = said["proposed", event["proposal"]]
    elif kind == "membership.changed":
        change(history, event["proposal"], event["action"])
    elif kind in ("round.opened", "sum.opened"):
        open_round(history, event)
    elif kind == "updates.included":
        people, included, hides = opened["participants"], [], opened["design"] in HIDDEN
        posts = {name: said.get(("update.available", name, *place)) for name in powers}
        maps = {name: raw(tx["bitmap"], (len(people) + 7) // 8) for name, tx in posts.items() if tx}
        for index, name in enumerate(people):
            yes = {who for who, bits in maps.items() if bits[index >> 3] >> (7 - (index & 7)) & 1}
            included += [name] * (weigh(powers, yes)[1] and (not hides or name in event["members"]))
        need(event["members"] == included, "others are included than a quorum attested")
        kind = "updates.hidden" if hides else kind  # nobody may see one: pages 13 and 16
        said["summed", *place] = included
    elif kind in ("members.silent", "member.back") and event["phase"].startswith(SITES_SPEAK):
        quiet = said.setdefault(("silent", place[0]), set())  # page 7
        quiet ^= {event["member"]} if "member" in event else {*event["members"]} - quiet
    elif kind == "members.skipped":
        need(ask(("silent", place[0]), set()) >= {*event["members"]}, "none was silent")
    elif kind == "groups.lost":
        groups = groups_of(history, place)
        left = [n for n in ask(("summed", *place), []) if groups[n] not in event["groups"]]
        said["summed", *place] = left
    elif kind == "dealer.barred":
        bar(history, event, opened, powers)
    elif kind == "attempt.failed":
        fail(history, place, opened)
    elif kind in ("study.begun", "model.chosen"):
        said["terms", place[0]] = {**said["terms", place[0]], **event}
        history.models[place[0]] = event["model"]
    elif kind in ("round.closed", "sum.closed"):
        what, model = "model" if kind == "round.closed" else "total", history.models[place[0]]
        votes = {n: said.get(("round.vote", n, *place), {"result": {}})["result"] for n in powers}
        same = [one for one in votes.values() if one.get(what) == event[what]]
        agree = [weigh(powers, {n for n in votes if votes[n] == one}) for one in same]
        need((event["power"], True) in agree, "no quorum voted for a model, or for a sum")
        need(what == "total" or event["parent"] == model, "a model has another parent")
        history.models[place[0]] = event.get("model", model)
        note_start(history, place, opened)
    elif kind == "trial.closed":  # the next one starts anew, with numbers of its own
        history.models[place[0]] = said["terms", place[0]]["model"]
        said["round.closed", place[0], event["trial"] * said["terms", place[0]]["rounds"], ""] = {}
    elif kind == "updates.retired":
        yes = {name for name in powers if ("blob.retire", name, *place[:2], "all") in said}
        may = ("blob.retire", *event["members"], *place[:2], "own") in said or weigh(powers, yes)[1]
        need(may and ("study.closed", place[0], None, None) in said, "nobody may retire updates so")
        said |= {("gone", name, *place[:2]): True for name in event["members"]}
    elif "model" in event:
        need(event["model"] == history.models[place[0]], f"{kind} names another model")
    said[kind, *place] = event


def change(history: History, proposal: str, action: dict[str, Any]) -> None:
    """Carry out an accepted change of the membership (pages 6 and 8)."""
    need(history.said.pop(("accepted", proposal)) == action, "another change than was accepted")
    if action["do"] == "admit":
        admit(history, action["member"])
    elif action["do"] == "expel":
        history.members[action["member"]].update(key="", power=0)
    elif action["do"] == "rotate":
        told = b64url(history.identity), proposal, action["member"], action["key"]
        message = tagged("rotate", ('["%s","%s","%s","%s"]' % told).encode())  # noqa: UP031
        check_signature(raw(action["key"]), message, raw(action["proof"], 64))
        own(history, action["key"], action["member"])
        history.members[action["member"]]["key"] = action["key"]
    elif action["do"] == "adopt":
        history.modules.add(action["module"])


def groups_of(history: History, place: tuple[Any, ...]) -> dict[str, int]:
    """Return who was drawn into which group of an attempt (page 17)."""
    drawn = history.said.get(("groups.drawn", *place), {"members": (), "groups": ()})
    return dict(zip(drawn["members"], drawn["groups"], strict=True))


def bar(
    history: History, event: dict[str, Any], opened: dict[str, Any], powers: dict[str, int]
) -> None:
    """Check that a dealer may be barred, by votes or by its holders, and note it (page 13)."""
    place, dealer, said = [event[one] for one in ("study", "round", "attempt")], event["member"], {}
    for (kind, *natural), tx in history.said.items():
        if kind in ("round.vote", "update.commit") and natural[1:] == place:
            said[kind, natural[0]] = tx
    if event["proof"] == "opened":
        blame = {
            n for (kind, n), tx in said.items() if tx.get("result", {}).get("blames") == dealer
        }
        power, total = weigh(powers, blame)[0], sum(powers.values())
        need(3 * power + (history.genesis["contract"] < 2) > total, "barred by too few")
    elif opened["design"] != "secagg_plus@1":  # whose graph of holders is not drawn here
        groups, at = groups_of(history, tuple(place)), opened["participants"].index(dealer)
        deals = [raw(tx["parts"]["dealing"]["deals"], (len(opened["participants"]) + 7) // 8)
                 for (kind, n), tx in said.items()
                 if kind == "update.commit" and groups.get(n) == groups.get(dealer)]  # fmt: skip
        sound = sum(bits[at >> 3] >> (7 - (at & 7)) & 1 for bits in deals)
        need(2 * sound < len(deals), "barred by half of its holders, or by fewer")
    history.said.setdefault(("barred", place[0]), set()).add(dealer)


def fail(history: History, place: tuple[Any, ...], opened: dict[str, Any]) -> None:
    """Note who takes part in a round's further attempts (page 13)."""
    said, out = history.said, history.said.get(("barred", place[0]), ())
    asked = said.get(("phase.opened", *place), {}).get("phase") in ("share", "open", "vote")
    if history.genesis["contract"] < 2:
        asked &= any(k[0] in ("share.post", "sum.open") and k[2:] == place for k in said)
    left = [name for name in opened["participants"] if name not in out]
    if asked and opened["design"] in HIDDEN:  # its sum may be known
        left = [name for name in left if name in said["summed", *place]]
        note_start(history, place, opened)
    said["left", *place[:2]] = left


def note_start(history: History, place: tuple[Any, ...], opened: dict[str, Any]) -> None:
    """Note over whom a model's updates may have been summed (page 13)."""
    hidden = opened["design"] in HIDDEN and "weights" in opened and history.genesis["contract"] > 1
    if hidden and (summed := history.said["summed", *place]):
        history.said.setdefault(("starts", place[0], opened["model"]), summed)


def open_round(history: History, event: dict[str, Any]) -> None:
    """Check from which model an attempt starts, and who takes part (pages 7, 8 and 13)."""
    study, number, attempt = (event[part] for part in ("study", "round", "attempt"))
    terms, powers, ask = history.said["terms", study], voters(history), history.said.get
    sites = {n: tx["weight"] if terms["weights"] == "rows" else 1 for n in terms["sites"]
             if (tx := ask(("study.accept", n, study))) and history.members[n]["key"]
             and n not in ask(("barred", study), ())}  # fmt: skip
    if "privacy@1" in terms["modules"]:  # whoever has been in more rounds may have no room
        was = [said["participants"] for key, said in history.said.items()
               if key[:2] == ("round.opened", study) and key[3] == 1]  # fmt: skip
        taken = {name: sum(name in one for one in was) for name in sites}
        most = max((taken.get(name, 0) for name in event["participants"]), default=0)
        sites = {name: weight for name, weight in sites.items() if taken[name] <= most}
    gone = ask(("members.skipped", study, number, None), {}).get("members", ())
    sites = {name: weight for name, weight in sites.items() if name not in gone}
    people, turn = sorted(sites), number
    if event["event"] == "round.opened":
        turn = 1 + max(key[2] if key[:2] == ("round.closed", study) else 0 for key in history.said)
        here = history.identity + lp(study.encode()) + struct.pack(">QQ", terms["seed"], number)
        drawn = sorted(sites, key=lambda name: tagged("draw", here, lp(name.encode())))
        if "participation" in terms:  # each in turn, in order of their names
            drawn = (people * 2)[(number - 1) * terms["per_round"] % len(sites) :]
        people = sorted(drawn[: terms["per_round"]])
        people = ask(("starts", study, event["model"]), people)
    if before := ask((event["event"], study, number, attempt - 1)):
        people, pairs = (
            history.said["left", study, number],
            (before["validators"], before["powers"]),
        )
        powers = {n: power for n, power in zip(*pairs, strict=True) if history.members[n]["key"]}
        sites = dict(zip(before["participants"], before.get("weights", ()), strict=False))
    right = turn, history.models[study], attempt == 1 or bool(before)
    need(right == (number, event["model"], True), "a round opens out of turn")
    told = [event[part] for part in ("participants", "validators", "powers")]
    need(told == [people, [*powers], [*powers.values()]], "who take part, or powers")
    if weights := event.get("weights"):
        full = {name: sites[name] for name in people}
        sites = full if before else within_share(history, terms, full)
        least = [*sites.values()]
        if "scores@1" in terms["modules"] and not before:  # page 18
            least = [full[n] // 2 or 1 if sites[n] == full[n] else 1 for n in people]
        fair = [min(max(w, x), sites[n]) for n, w, x in zip(people, weights, least, strict=True)]
        need(weights == fair, "their weights")
        fits = ((2**31 - 1) // (32767 * (sum(weights) // math.gcd(*weights)))).bit_length() - 1
        room = (min(fits, 8) if fits > 2 else 8) * (history.genesis["contract"] > 1)
        need("privacy@1" in terms["modules"] or event.get("room", 0) == room, "a round's room")


def within_share(history: History, terms: dict[str, Any], full: dict[str, int]) -> dict[str, int]:
    """Return weights of which none is more than the largest share (page 8)."""
    share = terms.get("largest_share", 500 if history.genesis["contract"] > 1 else 1000)
    holds, fails = min(full.values()), max(full.values()) + 1
    while fails - holds > 1 and len(full) > 2:
        cap = (holds + fails) // 2
        right = 1000 * cap <= share * sum(min(weight, cap) for weight in full.values())
        holds, fails = (cap, fails) if right else (holds, cap)
    return {name: min(w, holds) if len(full) > 2 else w for name, w in full.items()}


def read_blob(run: Path, name: str) -> bytes:
    """Return a named blob (page 8)."""
    need((path := run / "blobs" / raw(name).hex()).is_file(), f"there is no blob {path.name}")
    need(sha256(data := path.read_bytes()).hexdigest() == path.name, f"blob {path.name} is altered")
    return data


def recompute(run: Path, history: History, place: tuple[Any, ...]) -> None:
    """Check an attempt's included updates and, where it closed its round, the model (page 8)."""
    opened, terms = history.said["round.opened", *place], history.said["terms", place[0]]
    closed, said = history.said.get(("round.closed", *place)), history.said
    registered = dict(zip(opened["participants"], opened["weights"], strict=True))
    exponent, parts = opened["exponent"], terms.get("terms", {})
    size = -(-terms["parameters"] * parts.get("compression", {"keep": 10**6})["keep"] // 10**6)
    sums, room = [0] * (size + 1), opened.get("room", 0)
    for name in said["updates.included", *place]["members"]:
        reveal, weight = said["update.reveal", name, *place], registered[name]
        if "sealed" in reveal or {("gone", name, place[0], n) for n in (0, place[1])} & said.keys():
            return
        blob, shift, exact = read_blob(run, reveal["digest"]), 0, 0
        head = b"collegium/update/v1\0" + struct.pack(">QBh", size, 2, exponent)
        if blob[:20] == b"collegium/update/v2\0":
            shift, exact = blob[28:30]
            head = blob[:20] + struct.pack(">QBBh", size, shift, exact, exponent)
        told = struct.unpack(f"<{size}h", blob.removeprefix(head))
        values = [x << shift for x in told[: size - exact]] + [*told[size - exact :]]
        last = sum(abs(x) == 32767 for x in told[: size - exact]) * (shift == room)
        right = (max(map(abs, values)), last) == (reveal["peak"], reveal["saturated"])
        need(right and shift <= room, f"{name}'s update is not as revealed")
        sums = [old + weight * x for old, x in zip(sums, (*values, 1), strict=True)]
    beyond = "clip" in parts.get("privacy", {}) or {"compression", "search"} & {*parts}
    if not closed or beyond or (terms["rule"], terms["server"]) != OURS:
        return
    rate = float(parse(read_blob(run, terms["document"]))["aggregation"]["server"]["learning_rate"])
    start, scale = read_blob(run, closed["parent"]), sums.pop() * 2.0**exponent
    step, at = int.from_bytes(start[-12:-4], "big"), len(start) - 22 - 4 * size
    tails = [lp(b"none@1") + struct.pack(">QI", count, 0) for count in (step, step + 1)]
    need(start[:19] == b"collegium/model/v1\0" and start.endswith(tails[0]), "its model's form")
    before = struct.unpack_from(f"<{size}f", start, at)
    after = [old + rate * (float(s) / scale) for old, s in zip(before, sums, strict=True)]
    model = start[:at] + struct.pack(f"<{size}f", *after) + tails[1]
    need(sha256(model).digest() == raw(closed["model"]), "recomputing differs")


def read_frame(history: History, kind: int, body: bytes) -> None:
    """Check one frame of the file after the first (page 4)."""
    last, history.last, size = history.last, kind, len(history.leaves)
    if kind == 2:
        history.leaves.append(sha256(b"\0" + body).digest())
        envelope = body[4 : 4 + int.from_bytes(body[:4], "big")]
        need(lp(envelope) + lp(events := body[8 + len(envelope) :]) == body, "an entry's lengths")
        read_envelope(history, envelope)
        for event in parse(events):
            follow(history, event)
    elif kind == 3:
        app = tagged("app", body[48:80], struct.pack(">Q", size), root(history.leaves))
        head = history.block + struct.pack(">QQ", history.first, size - history.first)
        head += body[48:80] + app + tagged("refused", history.refused)
        need(body == head + body[144:208] and len(body) == 208, "a block does not fit")
        proposers = history.proposers + ("",) * ("log" in history.genesis)
        need(body[144:184].rstrip(b"\0").decode() in proposers, "nobody who may propose a block")
        need(re.fullmatch(rb"([a-z0-9][a-z0-9_@-]*)?\0*", body[184:]), "a certificate's name")
        history.block, history.first, history.refused = tagged("block", body), size, b""
        history.proposers = tuple(voters(history))
    elif kind == 5:
        refusal = parse(body)
        need(refusal.keys() == {"code", "envelope"} and refusal["code"], "a refusal's fields")
        raw(text := refusal["envelope"], len(text) * 3 // 4)
        history.refused += struct.pack(">Q", size) + lp(body)
    else:
        here = (size, root(history.leaves), history.block)
        need(kind == 4 and last == 3 and body.count(b"\n") == 6, "no such frame stands here")
        need(open_checkpoint(history, body.decode()) == here, "a checkpoint of another history")


def check_policy(history: History, policy: dict[str, Any]) -> None:
    """Hold the history to what an outsider kept (page 5)."""
    name = f"collegium/{history.identity.hex()}"
    head: dict[str, Any] = {"format": "collegium-policy/v1", "genesis": history.identity.hex()}
    head["members"] = {member["id"]: member["key"] for member in history.genesis["members"]}
    if "log" in history.genesis:
        key = b"\1" + raw(history.genesis["log"])
        hint = sha256(f"{name}\n".encode() + key).digest()[:4].hex()
        head["log"] = f"{name}+{hint}+{base64.b64encode(key).decode()}"
    need(policy == head | {"checkpoints": policy["checkpoints"]}, "it speaks of another ledger")
    for size, tree, _ in sorted(open_checkpoint(history, one) for one in policy["checkpoints"]):
        need(root(history.leaves[:size]) == tree, f"histories part before entry {size}")


def check_bundle(run: Path, history: History) -> None:
    """Check the released model's files against the digest on the ledger (page 8)."""
    files = sorted((run / "model").glob("[!.]*"), key=lambda path: path.name.encode())
    parts = [lp(path.name.encode()) + sha256(path.read_bytes()).digest() for path in files]
    released = [tx["bundle"] for key, tx in history.said.items() if key[0] == "model.release"]
    need(not files or b64url(tagged("bundle", *parts)) in released, "it is not what was released")


def verify(run: Path, policy: Path | None) -> list[str]:
    """Return everything that is found wrong with a run."""
    findings: list[str] = []

    def check(where: str, action: Any, *arguments: Any) -> Any:
        try:
            return action(*arguments)
        except Exception as error:  # no bytes lead to a traceback
            return findings.append(f"{where}: {str(error) or type(error).__name__}")

    data, frames, at = check("ledger.log", (run / "ledger.log").read_bytes) or b"", [], 0
    while at + 5 <= len(data) and data[at] in (1, 2, 3, 4, 5):
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
    ends = at == len(data) and history.last == (4 if "log" in history.genesis else 3)
    check("ledger.log", need, ends, "its end is torn or missing")
    for key, told in history.said.items():
        if key[0] in ("terms", "round.closed", "evaluation.post"):
            for part in sorted(told.keys() & {"document", "federated", "local", "model"}):
                check("blobs", read_blob, run, told[part])
        elif key[0] == "updates.included":
            check(f"{key[1:]}", recompute, run, history, key[1:])
    for path in check("blobs", lambda: sorted((run / "blobs").glob("[!.]*"))) or []:
        check("blobs", lambda path=path: read_blob(run, b64url(bytes.fromhex(path.name))))
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
