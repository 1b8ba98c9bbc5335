"""Whatever lies in a run folder or a policy: a verdict or an error in three lines, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audit.eventful import SEED
from tests.audit.forging import (
    Payload,
    Transcript,
    executed,
    read_transcript,
    rebuilt,
    signed,
    simulated_keys,
)
from tests.cases import some_of
from tests.node.hostile import documents

from collegium.audit.history import read_history
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.canonical import from_text, to_text
from collegium.errors import CollegiumError, RunError
from collegium.learning.blobs import ModelState, TensorSpec, decode_model, digest, encode_model
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.frames import ENTRY, GENESIS, encode_entry, encode_frame

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blobs").mkdir()
    return tmp_path


def verdict(folder: Path, log: bytes) -> bool:
    """Verify a folder with this ledger, with and without a partial history allowed."""
    (folder / "ledger.log").write_bytes(log)
    told = verify(folder, partial=True)
    assert told.ok or any(one.severity == "error" for one in told.findings)
    assert msgspec.json.encode(told)
    return verify(folder).ok


@given(log=st.binary(max_size=2000))
@QUICK
def test_any_bytes_as_a_ledger(folder: Path, log: bytes) -> None:
    assert not verdict(folder, log)


@given(
    frames=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 2**32 - 1), st.binary(max_size=200)), max_size=8
    )
)
@QUICK
def test_any_frames_with_any_lengths(folder: Path, frames: list[tuple[int, int, bytes]]) -> None:
    log = b"".join(bytes((kind,)) + size.to_bytes(4) + body for kind, size, body in frames)
    assert not verdict(folder, log)


@given(data=st.data())
@QUICK
def test_any_cuts_and_copies_of_a_sound_ledger(
    folder: Path, honest: Path, data: st.DataObject
) -> None:
    log = (honest / "ledger.log").read_bytes()
    places = st.integers(0, len(log))
    start, end, to = data.draw(places), data.draw(places), data.draw(places)
    assert not verdict(folder, log[:to] + log[start:end] + log[to + data.draw(st.integers(1, 9)) :])


_TEXT = st.text(max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
)


@given(genesis=_JSON.map(msgspec.json.encode) | st.binary(max_size=300))
@QUICK
def test_any_genesis(folder: Path, genesis: bytes) -> None:
    assert not verdict(folder, encode_frame(GENESIS, genesis))


@given(data=st.data())
@QUICK
def test_any_payload_that_a_member_signs(folder: Path, honest: Path, data: st.DataObject) -> None:
    transcript = read_transcript((honest / "ledger.log").read_bytes())
    keys = simulated_keys(transcript, SEED)
    index = data.draw(st.integers(0, len(transcript.entries) - 1))
    entry = transcript.entries[index]
    payload = entry.payload
    name = data.draw(st.sampled_from(sorted(payload)))
    value = data.draw(_JSON)
    changed: object = {**payload, name: value}
    raw = msgspec.json.encode(data.draw(st.sampled_from([changed, value])), order="sorted")
    envelope = sign_envelope(raw, keys.by_id[entry.signer])
    forged = transcript.with_entry(index, replace(entry, envelope=envelope))
    verdict(folder, rebuilt(executed(forged), keys.log))


@pytest.mark.parametrize(
    "log",
    [
        b"",
        b"\x01",
        b"\x01\xff\xff\xff\xff",
        b"\x01\x00\xff\xff\xff" + b"x" * 100,
        b"\x02\0\0\0\0" * 1000,
        b"\x01\0\0\0\0" * 1000,
        b"\x04\0\0\0\0" * 1000,
        encode_frame(GENESIS, b"[" * 100_000),
        encode_frame(GENESIS, b'{"a":' * 100_000),
        encode_frame(GENESIS, b"{" + b" " * 2**20),
    ],
    ids=range(10),
)
def test_crude_ledgers(folder: Path, log: bytes) -> None:
    assert not verdict(folder, log)


def _one_entry(honest: Path, envelope: bytes, events: bytes = b"[]", times: int = 1) -> bytes:
    genesis = read_transcript((honest / "ledger.log").read_bytes()).genesis
    entry = encode_frame(ENTRY, encode_entry(envelope, events))
    return encode_frame(GENESIS, genesis) + entry * times


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 5000,
        b'{"kind":' * 1000,
        b'{"a":' * 31 + b"{}" + b"}" * 31,
        b'{"kind":"study.close","format":1e999}',
        b'{"kind":"\xff"}',
        b'{"kind":"\\ud800"}',
        b'{"format":' + b"9" * 4000 + b"}",
        b"",
    ],
    ids=range(8),
)
def test_crude_payloads_signed_by_a_member(folder: Path, honest: Path, payload: bytes) -> None:
    transcript = read_transcript((honest / "ledger.log").read_bytes())
    keys = simulated_keys(transcript, SEED)
    key = keys.by_id[transcript.entries[0].signer]
    assert not verdict(folder, _one_entry(honest, sign_envelope(payload, key)))
    (found,) = (
        one
        for one in read_history(_one_entry(honest, sign_envelope(payload, key))).findings
        if one.severity == "error"
    )
    assert found.code == "entry.malformed"


def test_a_thousand_tiny_entries(folder: Path, honest: Path) -> None:
    assert not verdict(folder, _one_entry(honest, b"", b"", times=1000))


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_ledger_that_never_ends_is_not_waited_for(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder / "ledger.log")
    with pytest.raises(RunError) as caught:
        verify(folder)
    assert caught.value.code == "run.unreadable"
    assert "not a regular file" in caught.value.why


def test_a_ledger_that_is_no_file(folder: Path) -> None:
    with pytest.raises(RunError) as caught:
        verify(folder)
    assert caught.value.code == "run.unreadable"
    (folder / "ledger.log").mkdir()
    for wrong in (folder, folder / "ledger.log", folder / "absent", Path("\0")):
        with pytest.raises(RunError):
            verify(wrong)


def test_what_may_not_be_read_is_an_error(
    honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copytree(honest, tmp_path / "run")
    closed = sorted((run / "blobs").iterdir())[0]
    read = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    codes = [one.code for one in verify(run).findings if one.severity == "error"]
    assert codes[0] == "blob.unreadable"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to this user"
)
@pytest.mark.parametrize("mode", [0, 0o444])
def test_closed_files_and_folders(honest: Path, tmp_path: Path, mode: int) -> None:
    run = copytree(honest, tmp_path / "run")
    for path in (run / "model", run / "blobs"):
        path.chmod(mode)
        try:
            is_ok = verify(run).ok
        except RunError:
            is_ok = False
        finally:
            path.chmod(0o755)
        assert not is_ok, path


COMMAND = "from collegium.cli import main; main()"
NAMES = {
    "no text": b"\xff\xfe", "accented": b"caf\xc3\xa9", "a line": b"new\nline",
    "red": b"\x1b[31mred", "bold": b"[bold]x", "long": b"a" * 200,
}  # fmt: skip


@pytest.mark.parametrize("name", some_of(NAMES, "no text", "red"))
@pytest.mark.parametrize("where", ["blobs", pytest.param("model", marks=pytest.mark.long)])
def test_names_that_no_terminal_should_see(
    honest: Path, tmp_path: Path, where: str, name: bytes
) -> None:
    run = copytree(honest, tmp_path / "run")
    (run / where / os.fsdecode(name)).write_bytes(b"anything")
    told = verify(run)
    assert not told.ok
    assert msgspec.json.encode(told)
    assert all((one.what + one.where).isprintable() for one in told.findings)
    for options in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "verify", str(run), *options],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stdout
        assert b"Traceback" not in done.stderr


def _evil_models(state: ModelState) -> dict[str, bytes]:
    """Return model blobs that each break something that recomputing could lean on."""
    flat = (TensorSpec("w", (state.parameters.size,)),)
    whole = encode_model(state)
    return {
        "empty": b"",
        "tag alone": whole[:20],
        "cut": whole[:-1],
        "no tensors": whole[:20] + bytes(4) + whole[-30:],
        "many tensors": whole[:20] + b"\xff" * 4 + whole[24:],
        "another optimizer": encode_model(replace(state, optimizer="adam@1")),
        "slots": encode_model(replace(state, slots=(("x", state.parameters.astype(np.float64)),))),
        "one tensor": encode_model(replace(state, tensors=flat)),
        "huge": encode_model(replace(state, parameters=np.full_like(state.parameters, 3e38))),
        "last step": encode_model(replace(state, step=2**64 - 1)),
        "fewer": encode_model(
            replace(state, tensors=(TensorSpec("w", (1,)),), parameters=state.parameters[:1])
        ),
    }


def _with_model(run: Path, old: str, data: bytes) -> None:
    """Let everybody name another model blob instead of one."""
    transcript = read_transcript((run / "ledger.log").read_bytes())
    keys = simulated_keys(transcript, SEED)
    new = to_text(digest(data))
    (run / "blobs" / digest(data).hex()).write_bytes(data)
    entries = tuple(
        signed(entry, _renamed(entry.payload, old, new), keys) for entry in transcript.entries
    )
    forged = replace(transcript, entries=entries)
    (run / "ledger.log").write_bytes(rebuilt(executed(forged), keys.log))


def _renamed(payload: Payload, old: str, new: str) -> Payload:
    return {name: new if value == old else value for name, value in payload.items()}


@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_models_that_are_none(honest: Path, tmp_path: Path, which: str) -> None:
    transcript = read_transcript((honest / "ledger.log").read_bytes())
    models = _models(transcript)
    old = {"first": models[0], "middle": models[1], "last": models[-1]}[which]
    state = decode_model((honest / "blobs" / from_text(old, 32).hex()).read_bytes())
    for name, data in _evil_models(state).items():
        run = copytree(honest, tmp_path / name)
        _with_model(run, old, data)
        assert not verify(run).ok, name


def _models(transcript: Transcript) -> list[str]:
    """Return the models that a ledger names, in order."""
    told = [entry.payload.get("model") for entry in transcript.entries]
    return list(dict.fromkeys(str(model) for model in told if model is not None))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[" * 10_000,
        b"\xff",
        b'{"study":' * 5000,
        b"x" * 2**21,
    ],
    ids=range(6),
)
def test_documents_that_are_none(honest: Path, tmp_path: Path, document: bytes) -> None:
    run = copytree(honest, tmp_path / "run")
    transcript = read_transcript((run / "ledger.log").read_bytes())
    _with_model(run, str(transcript.entries[0].payload["document"]), document)
    assert "study.malformed" in [one.code for one in verify(run).findings]


@pytest.mark.parametrize("name", ["corrupt", "degree", "search", "combinations"])
def test_documents_that_ask_for_more_than_there_is(honest: Path, tmp_path: Path, name: str) -> None:
    run = copytree(honest, tmp_path / "run")
    transcript = read_transcript((run / "ledger.log").read_bytes())
    data = documents()[name]
    assert data is not None
    _with_model(run, str(transcript.entries[0].payload["document"]), data)
    assert "study.malformed" in [one.code for one in verify(run).findings]


def test_what_nobody_foresaw_in_one_study_is_a_finding(
    honest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("collegium.audit.verify.recompute_rounds", fails)
    told = verify(honest)
    (found,) = [one for one in told.findings if one.code == "study.unchecked"]
    assert "RecursionError: too deep" in found.what
    assert not told.ok


@pytest.mark.parametrize(
    "value", [b'"1e308"', b'"-1e308"', b'"1e-320"', b'"0.0"', b'"1e22"'], ids=range(5)
)
@pytest.mark.parametrize("name", [b"client_fraction", b"learning_rate", b"beta1", b"tau"])
def test_documents_with_numbers_beyond_reason(
    honest: Path, tmp_path: Path, name: bytes, value: bytes
) -> None:
    run = copytree(honest, tmp_path / "run")
    transcript = read_transcript((run / "ledger.log").read_bytes())
    old = str(transcript.entries[0].payload["document"])
    data = (run / "blobs" / from_text(old, 32).hex()).read_bytes()
    head, _, rest = data.partition(b'"' + name + b'":')
    _with_model(run, old, head + b'"' + name + b'":' + value + rest[rest.index(b'"', 1) + 1 :])
    verify(run)


@pytest.mark.parametrize(
    "statement", [b"", b"{}", b"[" * 10_000, b"\xff" * 10, b'{"rows":1e9}'], ids=range(5)
)
def test_statements_that_are_none(honest: Path, tmp_path: Path, statement: bytes) -> None:
    run = copytree(honest, tmp_path / "run")
    transcript = read_transcript((run / "ledger.log").read_bytes())
    post = next(one.payload for one in transcript.entries if "federated" in one.payload)
    _with_model(run, str(post["federated"]), statement)
    told = verify(run)
    assert [one.code for one in told.findings if one.severity == "fault"] == ["statement.malformed"]


def _instead(path: Path, target: str | None) -> None:
    """Put a file, or a link to something, in place of a folder."""
    rmtree(path)
    if target is None:
        path.write_bytes(b"a file")
    else:
        path.symlink_to(target)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            lambda run: (run / "study.toml").write_bytes(b"a = " + b"[" * 100_000),
            "study.unreadable",
        ),
        (lambda run: (run / "study.toml").write_bytes(b"x" * 3 * 2**20), "study.unreadable"),
        (lambda run: (run / "study.toml").write_bytes(b"\0"), "study.unreadable"),
        (lambda run: _instead(run / "model", None), "bundle.unreadable"),
        (lambda run: _instead(run / "model", "blobs"), "bundle.altered"),
        (lambda run: (run / "model" / "folder").mkdir(), "bundle.extra"),
        (lambda run: (run / "model" / ".hidden").write_bytes(b""), "bundle.extra"),
        (lambda run: (run / "model" / "pipe").symlink_to("/dev/zero"), "bundle.extra"),
        (lambda run: (run / "model" / "loop").symlink_to("loop"), "bundle.extra"),
        (lambda run: _instead(run / "blobs", None), "blob.folder"),
        (lambda run: _instead(run / "blobs", "blobs"), "blob.folder"),
        (lambda run: (run / "blobs" / ("0" * 64)).symlink_to("/dev/zero"), "blob.no-file"),
        (lambda run: (run / "blobs" / ("0" * 64)).symlink_to("0" * 64), "blob.no-file"),
    ],
    ids=range(13),
)
def test_other_things_in_a_run_folder(
    honest: Path, tmp_path: Path, spoil: Callable[[Path], object], expected: str
) -> None:
    run = copytree(honest, tmp_path / "run")
    spoil(run)
    told = verify(run)
    assert msgspec.json.encode(told)
    assert told.findings[0].code == expected


@given(policy=_JSON.map(msgspec.json.encode) | st.binary(max_size=300))
@QUICK
def test_any_policy(tmp_path: Path, policy: bytes) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(policy)
    with pytest.raises(CollegiumError):
        policy_root(path)


@given(data=st.data())
@QUICK
def test_any_change_of_a_policy(honest: Path, tmp_path: Path, data: st.DataObject) -> None:
    policy = msgspec.json.decode((honest / "policy.json").read_bytes())
    name = data.draw(st.sampled_from([*sorted(policy), "unknown"]))
    policy[name] = data.draw(_JSON | st.lists(_TEXT))
    path = tmp_path / "policy.json"
    path.write_bytes(msgspec.json.encode(policy))
    try:
        told = verify(honest, trust=policy_root(path))
    except CollegiumError:
        return
    assert told.anchored in ("none", "genesis")


def test_a_policy_that_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RunError) as caught:
            policy_root(path)
        assert caught.value.code == "policy.unreadable"
