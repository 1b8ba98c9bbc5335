"""What every test shares.

Hypothesis sets no deadlines, because speed is no matter of tests.

Tests may themselves run where signals are ignored: a background job of a shell that is not
interactive has SIGINT ignored, `nohup` ignores SIGHUP, and whatever such a process starts ignores
them too. A handler that does nothing keeps this process as deaf and is not inherited, so that
programs which tests start can be interrupted everywhere.
"""

import signal

import pytest
from hypothesis import settings

from collegium.cores import cores

MOST_WORKERS = 8
"""Each may hold a consortium of processes, and take half a gigabyte."""

settings.register_profile("collegium", deadline=None)
settings.load_profile("collegium")

for _name in ("SIGINT", "SIGHUP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return what ``-n auto`` means: a worker for each core that this process may use."""
    return min(cores(), MOST_WORKERS)
