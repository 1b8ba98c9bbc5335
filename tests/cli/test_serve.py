"""`collegium serve`: it says where it is, and ends when it is told to."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from tests.cli.conftest import Call, Finished
from tests.commands import COLLEGIUM, diagnosis, environment


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_folder_of_runs_is_served_until_somebody_ends_that(
    finished: Finished, ending: signal.Signals
) -> None:
    command = [COLLEGIUM, "serve", str(finished.folder.parent), "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            assert url.startswith("http://127.0.0.1:")
            with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
                assert "1 finished" in answer.read().decode()
        finally:
            process.send_signal(ending)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_what_cannot_be_served_is_told(call: Call, tmp_path: Path) -> None:
    assert diagnosis(call("serve", "nowhere"))[0] == "serve.folder"
    Path("file").touch()
    assert diagnosis(call("serve", "file"))[0] == "serve.folder"
    assert diagnosis(call("serve", "--bind", "localhost"))[0] == "command.usage"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert diagnosis(call("serve", "--port", port))[0] == "serve.port"
