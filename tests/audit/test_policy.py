"""C2SP tlog-policy: read as strictly as it is written, and powers as groups."""

from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED, VECTORS

from collegium.audit.policy import (
    CosigningPolicy,
    parse_policy,
    policy_lines,
    two_thirds,
)
from collegium.errors import FormatError
from collegium.ledger.keys import signing_key
from collegium.ledger.note import COSIGNATURE, verifier_key

PUBLIC = [signing_key(bytes((number,)) * 32).public for number in range(1, 9)]
LOG = verifier_key("example.com/log", PUBLIC[0])
KEYS = [verifier_key(f"Wit{number}", PUBLIC[number], COSIGNATURE) for number in range(1, 8)]
W1, W2, W3, W4, W5, W6, _ = KEYS


def read(text: str) -> CosigningPolicy:
    return parse_policy(text.encode("utf-8", "surrogateescape"))


STANDARD = f"""log {LOG}

witness X1 {W1}
witness X2 {W2}
witness X3 {W3}
group X-witnesses 2 X1 X2 X3

witness Y1 {W4}
witness Y2 {W5}
witness Y3 {W6}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_standards_own_example() -> None:
    policy = read(STANDARD)
    assert policy.logs == [("example.com/log", PUBLIC[0])]
    assert list(policy.witnesses) == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.satisfied_by({"X1", "X3", "Y2"})
    assert policy.satisfied_by({"X1", "X2", "X3", "Y1", "Y2", "Y3"})
    assert not policy.satisfied_by({"X1", "X2", "X3"})
    assert not policy.satisfied_by({"X1", "Y1", "Y2", "Y3"})
    assert not policy.satisfied_by(set())
    assert not policy.satisfied_by({"X-witnesses"})


def test_a_published_note_meets_a_policy_of_its_witnesses() -> None:
    vector = PUBLISHED["cosigned_note"]
    names = [f"w{number}" for number in range(len(vector["witnesses"]))]
    text = "".join(
        f"witness {n} {key}\n" for n, key in zip(names, vector["witnesses"], strict=True)
    )
    policy = read(f"log {vector['log']}\n{text}group g all {' '.join(names)}\nquorum g\n")
    assert policy.cosigners(vector["note"]) == dict.fromkeys(names, vector["time"])
    assert policy.satisfied_by(policy.cosigners(vector["note"]))


@pytest.mark.parametrize("vector", VECTORS["receipts"])
def test_the_worked_policies(vector: dict[str, str]) -> None:
    policy = parse_policy(vector["policy"].encode())
    assert "".join(f"{line}\n" for line in policy_lines(policy)) == vector["policy"]
    assert policy.satisfied_by(policy.cosigners(vector["cosigned"]))


ACCEPTED = {
    "nobody": ("quorum none\n", [], "none"),
    "white space and comments": (
        f"\n# comment\n\t # another\n\twitness \t w1  {W1}   https://w1.example/  \n\n  quorum\tw1",
        ["w1"], "w1",
    ),
    "addresses": (f"log {LOG} https://log.example/\nwitness w1 {W1}\nquorum w1\n", ["w1"], "w1"),
    "opaque octets": (
        f"witness \u212aKlvin-w\udc80 {W1}\nquorum \u212aKlvin-w\udc80\n",
        ["\u212aKlvin-w\udc80"], "\u212aKlvin-w\udc80",
    ),
    "keywords as names": (
        f"witness all {W1}\nwitness any {W2}\ngroup group 2 all any\nquorum group\n",
        ["all", "any"], "group",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "witnesses", "quorum"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_standard_allows(text: str, witnesses: list[str], quorum: str) -> None:
    policy = read(text)
    assert list(policy.witnesses) == witnesses
    assert policy.quorum == quorum


TWO = f"witness w1 {W1}\nwitness w2 {W2}\n"
REFUSED = {
    "a control character": "quorum none\n\x01",
    "a control character in a comment": "# about\x01\nquorum none\n",
    "a carriage return": "quorum none\r\n",
    "a form feed": "quorum\fnone\n",
    "a deleted character": "quorum none\x7f\n",
    "another word": "quibble w1\nquorum none\n",
    "a comment behind a line": f"witness w1 {W1} https://w1.example/ # comment\nquorum w1\n",
    "a log without a key": "log\nquorum none\n",
    "a log with no key": "log garbage\nquorum none\n",
    "a log with a witness's key": f"log {W1}\nquorum none\n",
    "a log twice": f"log {LOG}\nlog {LOG} https://log.example/\nquorum none\n",
    "a witness without a key": "witness w1\nquorum none\n",
    "a witness with a log's key": f"witness w1 {LOG}\nquorum w1\n",
    "a witness whose key id is another's": f"witness w1 {W1.replace('Wit1', 'Wit9')}\nquorum w1\n",
    "a witness named none": f"witness none {W1}\nquorum none\n",
    "a name twice": f"witness w1 {W1}\nwitness w1 {W2}\nquorum w1\n",
    "a key twice": f"witness w1 {W1}\nwitness w2 {verifier_key('x', PUBLIC[1], COSIGNATURE)}\n"
    "quorum w1\n",
    "a group named as a witness": f"witness w1 {W1}\ngroup w1 any w1\nquorum w1\n",
    "a group named none": f"witness w1 {W1}\ngroup none any w1\nquorum none\n",
    "a group of nobody": f"witness w1 {W1}\ngroup g 1\nquorum w1\n",
    "a threshold of none": f"witness w1 {W1}\ngroup g 0 w1\nquorum g\n",
    "a threshold below": f"witness w1 {W1}\ngroup g -1 w1\nquorum g\n",
    "a threshold beyond": f"witness w1 {W1}\ngroup g 2 w1\nquorum g\n",
    "a threshold in another form": f"witness w1 {W1}\ngroup g 01 w1\nquorum g\n",
    "a huge threshold": f"witness w1 {W1}\ngroup g {'9' * 5000} w1\nquorum g\n",
    "a member unheard of": f"witness w1 {W1}\ngroup g any w2\nquorum g\n",
    "a member defined later": f"group g any w1\nwitness w1 {W1}\nquorum g\n",
    "a group in itself": f"witness w1 {W1}\ngroup g any g\nquorum g\n",
    "none as a member": f"witness w1 {W1}\ngroup g any none w1\nquorum g\n",
    "a member twice in a group": f"witness w1 {W1}\ngroup g all w1 w1\nquorum g\n",
    "a member of two groups": f"{TWO}group g any w1 w2\ngroup h any w1\nquorum g\n",
    "no quorum": TWO,
    "two quorums": f"{TWO}quorum w1\nquorum w1\n",
    "a quorum of somebody else": "quorum unknown\n",
    "a quorum before its definition": f"quorum w1\nwitness w1 {W1}\n",
    "a quorum of nobody": "quorum\n",
    "a quorum of two": f"{TWO}quorum w1 w2\n",
    "nothing": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_standard_forbids(text: str) -> None:
    with pytest.raises(FormatError):
        read(text)


def test_the_line_is_named() -> None:
    with pytest.raises(FormatError) as caught:
        read(f"# about\nwitness w1 {W1}\ngroup g 2 w1\nquorum g\n")
    assert caught.value.why.startswith("line 3: ")


@given(st.binary() | st.text("witnessgroupquorumlognone 123\n\t#+").map(str.encode))
def test_any_bytes_are_a_policy_or_refused(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except FormatError:
        return
    assert policy.quorum


def accepted(powers: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Every set of members with more than two thirds of the power."""
    total = sum(powers.values())
    sets = [one for size in range(len(powers) + 1) for one in combinations(sorted(powers), size)]
    return [one for one in sets if 3 * sum(powers[name] for name in one) > 2 * total]


def by_groups(powers: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Every set of members that the groups accept, written as a policy and read back."""
    groups, quorum = two_thirds(powers)
    witnesses = {name: ("Wit", PUBLIC[n]) for n, name in enumerate(sorted(powers))}
    text = "\n".join(policy_lines(CosigningPolicy([], witnesses, groups, quorum)))
    policy = parse_policy(text.encode())
    sets = [one for size in range(len(powers) + 1) for one in combinations(sorted(powers), size)]
    return [one for one in sets if policy.satisfied_by(one)]


@pytest.mark.parametrize(
    "powers",
    [{"a": 7}, {"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 1}, dict.fromkeys("abcdef", 5),
     {"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 1, "c": 1}, {"a": 5, "b": 5, "c": 5, "d": 1},
     {"a": 9, "b": 1, "c": 1}, {"a": 4, "b": 1, "c": 1, "d": 1}, {"a": 2**32, "b": 2**32, "c": 1}],
)  # fmt: skip
def test_powers_as_groups_accept_exactly_the_quorums(powers: dict[str, int]) -> None:
    assert by_groups(powers) == accepted(powers)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=7))
@settings(max_examples=300, deadline=None)
def test_any_powers_as_groups_are_exact_or_refused(values: list[int]) -> None:
    powers = dict(zip("abcdefg", values, strict=False))
    try:
        found = by_groups(powers)
    except FormatError:
        event("refused")
        return
    event("written as groups")
    assert found == accepted(powers)


@given(st.integers(1, 2**32), st.integers(1, 7))
def test_equal_powers_are_always_groups(power: int, count: int) -> None:
    powers = dict.fromkeys("abcdefg"[:count], power)
    assert by_groups(powers) == accepted(powers)


def test_powers_that_do_not_come_down_to_counting_are_refused() -> None:
    with pytest.raises(FormatError, match=r"policy\.weights"):
        two_thirds({"a": 3, "b": 2, "c": 2, "d": 1, "e": 1})


def test_equal_powers_are_one_group_and_one_member_is_none() -> None:
    groups, quorum = two_thirds(dict.fromkeys(["ada", "bo", "cy", "dee"], 1))
    assert [(one.threshold, one.members) for one in groups] == [(3, ("ada", "bo", "cy", "dee"))]
    assert groups[0].name == quorum
    assert two_thirds({"ada": 1}) == ([], "ada")
