"""A process that trains sites for another one: ``python -m collegium.learning.parallel.worker``.

It ends when the process that started it closes its channel, however that one ends.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any

from collegium.learning.parallel.channel import Channel
from collegium.learning.parallel.part import done
from collegium.learning.parallel.shared import Shared, attached


def main() -> None:
    """Do what is sent, until nobody sends any more."""
    end = socket.socket(fileno=int(sys.argv[1]))
    threading.Thread(target=_watch, args=(end.fileno(),), daemon=True).start()
    with suppress(EOFError, OSError):  # the other end is closed
        _serve(Channel(end))


def _serve(channel: Channel) -> None:
    held: Shared | None = None
    while True:
        message, file = channel.receive()
        answer: tuple[int, Exception | None] | None
        try:
            if file is not None:
                held, answer = attached(file, message), None
                getattr(held.trainer, "require", lambda: None)()  # imports its library
            else:
                assert held is not None  # noqa: S101 - what is to be worked on is sent first
                done(message, held)
                answer = message.number, None
        except Exception as error:
            answer = getattr(message, "number", 0), _portable(error)
        channel.send(answer)


def _watch(descriptor: int) -> None:
    """End this process as soon as the other end is closed, in the middle of work too."""
    poll = select.poll()
    poll.register(descriptor, 0)
    poll.poll()
    os._exit(0)


def _portable(error: Exception) -> Exception:
    """Return an error that another process can raise: itself, or what it says."""
    try:
        copy: Any = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:
        copy = None
    if isinstance(copy, Exception):
        return copy
    return RuntimeError("".join(traceback.format_exception(error)))


if __name__ == "__main__":
    main()
