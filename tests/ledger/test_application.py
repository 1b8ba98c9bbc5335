"""One process's ledger: what was acknowledged is whole on the disk, and nothing else goes on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.ledger.small_run import SmallRun, begin, key_of, small_genesis, small_run

from collegium.errors import CollegiumError, FormatError, RunError
from collegium.ledger.application import Application
from collegium.ledger.contract.apply import Applied, DecodedTransaction, execute
from collegium.ledger.contract.members import Sender
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import Transaction
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    Block,
    Frame,
    application_hash,
    decode_block,
    decode_entry,
    encode_entry,
    encode_frame,
    entry_hash,
    read_frames,
)
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint
from collegium.ledger.opening import create_ledger, look_into_ledger, open_ledger
from collegium.ledger.snapshot import decode_snapshot, encode_snapshot, snapshot_path
from collegium.ledger.state import BranchNode, PrunedNode, State, TableNode

LOG = key_of("*log")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger file of a whole run, sealed; not to be written to."""
    run = small_run(tmp_path_factory.mktemp("whole") / "run")
    run.ledger.close()
    return run.folder / "ledger.log"


@pytest.fixture
def ledger_file(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(whole, tmp_path / "ledger.log"))


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[SmallRun]:
    """A run that is in its first round."""
    run = begin(tmp_path / "run")
    yield run
    run.ledger.close()


def no_warning(text: str) -> None:
    raise AssertionError(text)


def hashes(ledger: Application) -> tuple[bytes, bytes, bytes, int]:
    """What two equal ledgers agree on."""
    return (
        ledger.application_hash(), ledger.state.root(), ledger.last_block, ledger.frontier.size
    )  # fmt: skip


OPENED: list[Application] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def reopened(path: Path) -> Application:
    """Open a ledger that is closed at the end of the test, at the latest."""
    OPENED.append(open_ledger(path, no_warning))
    return OPENED[-1]


def frames_of(path: Path) -> list[Frame]:
    return list(read_frames(path.read_bytes()))


def applied_entries(monkeypatch: pytest.MonkeyPatch) -> list[Transaction]:
    """Count from now on what the contract is asked to apply."""
    calls: list[Transaction] = []

    def counted(
        state: State, opened: DecodedTransaction, known: Sender | None, *, holds: bool
    ) -> Applied:
        calls.append(opened.transaction)
        return execute(state, opened, known, holds=holds)

    monkeypatch.setattr("collegium.ledger.applying.execute", counted)
    return calls


def test_a_block_holds_what_was_accepted_and_nothing_is_written_for_the_rest(
    begun: SmallRun,
) -> None:
    size, ledger = len(begun.folder.joinpath("ledger.log").read_bytes()), begun.ledger
    before = hashes(ledger)
    (outcome,) = ledger.append([b"no envelope"])
    assert isinstance(outcome, Rejected)
    assert ledger.append([]) == []
    assert hashes(ledger) == before
    assert len(begun.folder.joinpath("ledger.log").read_bytes()) == size


def test_blocks_chain_from_the_genesis_and_cover_all_entries(whole: Path) -> None:
    previous, first = reopened(whole).identity, 0
    for frame in frames_of(whole):
        if frame.kind == BLOCK:
            block = decode_block(frame.body)
            assert (block.previous, block.first) == (previous, first)
            assert block.count >= 1
            previous, first = block.digest(), first + block.count
    assert first == reopened(whole).frontier.size


def test_reopening_gives_the_same_hashes_and_goes_on(begun: SmallRun) -> None:
    path, before = begun.folder / "ledger.log", hashes(begun.ledger)
    begun.ledger.close()
    begun.ledger = reopened(path)
    assert hashes(begun.ledger) == before
    repeated = begun.ledger.append([begun.envelopes[0]])
    assert isinstance(repeated[0], Rejected)
    assert hashes(begun.ledger) == before


def test_a_file_is_never_overwritten(ledger_file: Path) -> None:
    with pytest.raises(RunError) as caught:
        create_ledger(ledger_file, small_genesis())
    assert caught.value.code == "ledger.exists"


@pytest.mark.parametrize("data", [None, b"", b"\x02\0\0\0\0", b"\x01\0\0\0\x02{}", b"hello"])
def test_what_is_no_ledger_is_refused(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "ledger.log"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CollegiumError):
        open_ledger(path, no_warning)
    assert (path.read_bytes() if data is not None else None) == data


def test_a_torn_last_block_is_cut_aloud_wherever_it_was_torn(begun: SmallRun) -> None:
    """A write may stop after any of the block's bytes."""
    path = begun.folder / "ledger.log"
    begun.ledger.close()
    blocks = [frame for frame in frames_of(path) if frame.kind == BLOCK]
    data, start = path.read_bytes(), blocks[-2].end
    path.write_bytes(data[:start])
    begun.ledger = reopened(path)
    expected = hashes(begun.ledger)
    for size in range(start + 1, len(data)):
        path.write_bytes(data[:size])
        said: list[str] = []
        assert hashes(look_into_ledger(path)[0]) == expected
        assert path.read_bytes() == data[:size], "looking cuts nothing"
        ledger = open_ledger(path, said.append)
        assert hashes(ledger) == expected
        ledger.close()
        assert len(said) == 1
        assert str(size - start) in said[0]
        assert path.read_bytes() == data[:start]


def test_a_torn_seal_is_cut_and_can_be_written_again(whole: Path, ledger_file: Path) -> None:
    data = whole.read_bytes()
    ledger_file.write_bytes(data[:-1])
    said: list[str] = []
    ledger = open_ledger(ledger_file, said.append)
    ledger.seal(LOG)
    ledger.close()
    assert len(said) == 1
    assert ledger_file.read_bytes() == data


def test_what_was_cut_is_written_again_to_the_same_bytes(whole: Path, ledger_file: Path) -> None:
    blocks = [frame for frame in frames_of(whole) if frame.kind == BLOCK]
    data = whole.read_bytes()
    ledger_file.write_bytes(data[: blocks[-1].end - 1])
    ledger = open_ledger(ledger_file, lambda text: None)
    for frame in read_frames(data[: blocks[-1].start], blocks[-2].end):
        size = int.from_bytes(frame.body[:4], "big")
        ledger.append([frame.body[4 : 4 + size]])
    ledger.seal(LOG)
    ledger.close()
    assert ledger_file.read_bytes() == data


@pytest.mark.parametrize("part", range(12))
def test_a_corrupted_file_is_refused_and_left_as_it_is(
    part: int, whole: Path, ledger_file: Path
) -> None:
    """Every twelfth byte from an offset on, in every kind of frame, one at a time."""
    data = whole.read_bytes()
    for position in range(part * len(data) // 12, len(data), 1 + len(data) // 25):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        ledger_file.write_bytes(changed)
        with pytest.raises(CollegiumError):
            open_ledger(ledger_file, no_warning)
        assert ledger_file.read_bytes() == changed


def test_a_corrupted_length_does_not_make_history_a_torn_tail(
    whole: Path, ledger_file: Path
) -> None:
    for frame in frames_of(whole)[:-1]:
        changed = bytearray(whole.read_bytes())
        changed[frame.start + 1] = 0xFF - changed[frame.start + 1] if frame.start == 0 else 0
        changed[frame.start + 2] = 0xFF
        ledger_file.write_bytes(changed)
        with pytest.raises(CollegiumError):
            open_ledger(ledger_file, no_warning)
        assert ledger_file.read_bytes() == changed


def test_a_seal_is_written_once(begun: SmallRun) -> None:
    path, ledger = begun.folder / "ledger.log", begun.ledger
    note = ledger.seal(LOG)
    assert note == ledger.seal(LOG) == ledger.checkpoint(LOG)
    ledger.close()
    begun.ledger = reopened(path)
    assert begun.ledger.seal(LOG) == note
    assert [frame.kind for frame in frames_of(path)].count(CHECKPOINT) == 1
    assert frames_of(path)[-1].body.decode() == note


def test_nothing_is_sealed_before_the_first_block(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path / "ledger.log", small_genesis())
    ledger.seal(LOG)
    ledger.close()
    assert len(frames_of(tmp_path / "ledger.log")) == 1
    reopened(tmp_path / "ledger.log").close()


def other_checkpoint(ledger: Application, **changed: object) -> str:
    here = Checkpoint(
        origin_of(ledger.identity), ledger.frontier.size, ledger.frontier.root(), ledger.last_block
    )
    fields = {"size": here.size, "root": here.root, "extension": here.extension, **changed}
    return sign_checkpoint(Checkpoint(here.origin, **fields), LOG)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"size": 1}, {"root": bytes(32)}, {"extension": bytes(32)}, None]
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    change: dict[str, object] | None, ledger_file: Path
) -> None:
    """Signed over something else; or, at last, a second one after a good one."""
    ledger = reopened(ledger_file)
    note = other_checkpoint(ledger, **(change or {}))
    ledger.close()
    data = ledger_file.read_bytes()
    start = len(data) if change is None else frames_of(ledger_file)[-1].start
    ledger_file.write_bytes(data[:start] + encode_frame(CHECKPOINT, note.encode()))
    with pytest.raises(FormatError):
        reopened(ledger_file)


@pytest.mark.parametrize("field", ["previous", "first", "count", "state_root", "app_hash"])
def test_a_block_that_says_something_else_is_refused(field: str, ledger_file: Path) -> None:
    frame = [one for one in frames_of(ledger_file) if one.kind == BLOCK][-1]
    block = decode_block(frame.body)
    other = {
        "previous": block.previous, "first": block.first, "count": block.count,
        "state_root": block.state_root, "app_hash": block.app_hash,
    }  # fmt: skip
    value = other[field]
    other[field] = value + 1 if isinstance(value, int) else bytes(32)
    lie = encode_frame(BLOCK, Block(**other).body())  # type: ignore[arg-type]
    data = ledger_file.read_bytes()
    ledger_file.write_bytes(data[: frame.start] + lie)
    with pytest.raises(FormatError):
        reopened(ledger_file)


def rewritten(path: Path, entries: list[bytes], blocked: int) -> Application:
    """Write a file by whoever holds the log's key: all hashes fit, some entries have a block.

    The state roots are those of the file that was there, with a block for each entry.
    """
    frames = frames_of(path)
    roots = [decode_block(frame.body).state_root for frame in frames if frame.kind == BLOCK]
    previous = genesis_digest(frames[0].body)
    log, data = Frontier(), encode_frame(frames[0].kind, frames[0].body)
    origin = origin_of(previous)
    for index, entry in enumerate(entries):
        log.append(entry_hash(entry))
        data += encode_frame(ENTRY, entry)
        if index < blocked:
            app = application_hash(roots[index], log.size, log.root())
            block = Block(previous, index, 1, roots[index], app)
            previous = block.digest()
            data += encode_frame(BLOCK, block.body())
    note = sign_checkpoint(Checkpoint(origin, log.size, log.root(), previous), LOG)
    path.write_bytes(data + encode_frame(CHECKPOINT, note.encode()))
    return reopened(path)


def test_what_the_log_s_holder_makes_up_is_refused(begun: SmallRun) -> None:
    path = begun.folder / "ledger.log"
    begun.ledger.close()
    entries = [frame.body for frame in frames_of(path) if frame.kind == ENTRY]
    data = path.read_bytes()
    assert rewritten(path, entries, 3).frontier.size == 3, "a rewriting that changes nothing"
    envelope, events = decode_entry(entries[2])
    made_up = [
        ([*entries[:2], encode_entry(envelope, b"[]")], 3),
        ([*entries[:2], encode_entry(envelope, events + b" ")], 3),
        ([*entries[:1], entries[0]], 2),
        (entries[1:], 2),
        (entries, 2),
    ]
    for forged, blocked in made_up:
        path.write_bytes(data)
        with pytest.raises(FormatError):
            rewritten(path, forged, blocked)


def test_a_snapshot_spares_replaying_what_it_covers(
    begun: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before = begun.folder / "ledger.log", hashes(begun.ledger)
    begun.ledger.seal(LOG)
    begun.ledger.write_snapshot()
    begun.ledger.close()
    applied = applied_entries(monkeypatch)
    begun.ledger = reopened(path)
    assert hashes(begun.ledger) == before
    assert applied == []
    begun.ledger.seal(LOG)
    assert [frame.kind for frame in frames_of(path)].count(CHECKPOINT) == 1


def test_what_follows_a_snapshot_is_replayed(
    whole: Path, ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = [frame for frame in frames_of(whole) if frame.kind == BLOCK][4]
    ledger_file.write_bytes(whole.read_bytes()[: block.end])
    early = reopened(ledger_file)
    covered = early.frontier.size
    early.write_snapshot()
    early.close()
    ledger_file.write_bytes(whole.read_bytes())
    expected = hashes(reopened(whole))
    applied = applied_entries(monkeypatch)
    ledger = reopened(ledger_file)
    assert hashes(ledger) == expected
    assert len(applied) == ledger.frontier.size - covered
    assert covered > 0


@pytest.fixture
def snapshot(ledger_file: Path) -> bytes:
    ledger = reopened(ledger_file)
    ledger.write_snapshot()
    ledger.close()
    return snapshot_path(ledger_file).read_bytes()


def test_a_corrupted_snapshot_is_ignored(ledger_file: Path, whole: Path, snapshot: bytes) -> None:
    expected, path = hashes(reopened(whole)), snapshot_path(ledger_file)
    for position in range(0, len(snapshot), 1 + len(snapshot) // 200):
        changed = bytearray(snapshot)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        ledger = reopened(ledger_file)
        assert hashes(ledger) == expected
        ledger.close()
    for data in (b"", b"\xc0", snapshot[:-1], snapshot + b"x", msgspec.msgpack.encode([1, 2])):
        path.write_bytes(data)
        assert hashes(reopened(ledger_file)) == expected


LIES = [
    "state", "size", "peaks", "block", "offset", "negative size", "negative offset", "types",
    "a root without end",
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_snapshot_is_ignored(
    lie: str, ledger_file: Path, snapshot: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = decode_snapshot(snapshot)
    assert opened is not None
    content, state, frontier = opened
    offset, block = content.offset, content.block
    if lie == "state":
        state.put(("members",), "eve", b"{}")
    elif lie == "size":
        frontier = Frontier(2 * frontier.size, frontier.peaks)
    elif lie == "peaks":
        frontier = Frontier(frontier.size, [bytes(32)] * len(frontier.peaks))
    elif lie == "block":
        block = bytes(32)
    elif lie == "offset":
        offset = frames_of(ledger_file)[2].end
    data = encode_snapshot(state, frontier, offset, block)
    if lie in ("negative size", "negative offset", "types", "a root without end"):
        parts = msgspec.msgpack.decode(data)
        if lie == "types":
            parts[4] = ["branch", {"members": ["table", {"a": 1}]}]
        elif lie == "a root without end":
            parts[4] = ["branch", {"members": ["frozen", 2**62]}]
        elif lie == "negative size":
            parts[2], parts[3] = -1, [bytes(32)]
        else:
            parts[0] = -1
        data = msgspec.msgpack.encode(parts)
    snapshot_path(ledger_file).write_bytes(data)
    calls = applied_entries(monkeypatch)
    ledger = reopened(ledger_file)
    assert len(calls) == ledger.frontier.size, "the whole file is replayed"
    assert ledger.state.get(("members",), "eve") is None


def test_a_snapshot_does_not_stand_for_entries_that_have_changed(
    ledger_file: Path, snapshot: bytes
) -> None:
    data = bytearray(ledger_file.read_bytes())
    data[len(data) // 2] ^= 1
    ledger_file.write_bytes(data)
    snapshot_path(ledger_file).write_bytes(snapshot)
    with pytest.raises(FormatError):
        open_ledger(ledger_file, lambda _: None)


def test_a_snapshot_holds_the_state_in_all_its_parts(snapshot: bytes, whole: Path) -> None:
    opened = decode_snapshot(snapshot)
    assert opened is not None
    _, state, frontier = opened
    ledger = reopened(whole)
    assert state.root() == ledger.state.root()
    assert frontier.root() == ledger.frontier.root()
    kinds = {type(node) for node in walk(state.top)}
    assert kinds == {BranchNode, TableNode, PrunedNode}


def walk(node: object) -> Iterator[object]:
    yield node
    if isinstance(node, BranchNode):
        for child in node.children.values():
            yield from walk(child)
