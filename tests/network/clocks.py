"""Processes whose clock is wrong: a shim that is loaded before the C library answers for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.network.perturbing import on_record

from collegium.network.processes import ChildProcess, collegium, start
from collegium.network.record import OUTPUT, home_of
from collegium.transport.log_engine import SEQUENCER

HOUR, YEAR = 3600, 365 * 86400

COMPILER = shutil.which("cc")

_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int done = real(id, at);
  const char *ahead = getenv("CLOCK_AHEAD");
  if (ahead && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += atol(ahead);
  return done;
}

time_t time(time_t *out) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  if (out) *out = at.tv_sec;
  return at.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  out->tv_sec = at.tv_sec;
  out->tv_usec = at.tv_nsec / 1000;
  return 0;
}
"""


def built(folder: Path) -> Path:
    """Compile the shim into a folder."""
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SHIM)
    assert COMPILER is not None
    command = [COMPILER, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return library


def ahead(shim: Path, seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is so many seconds ahead."""
    return {"LD_PRELOAD": str(shim), "CLOCK_AHEAD": str(seconds)}


def begin_ahead(folder: Path, name: str, shim: Path, seconds: int) -> ChildProcess:
    """Start a process of a trial with such a clock, on its record."""
    home = folder / SEQUENCER if name == SEQUENCER else home_of(folder, name)
    program = "sequencer" if name == SEQUENCER else "node"
    environment = [f"{key}={value}" for key, value in ahead(shim, seconds).items()]
    path = f"PYTHONPATH={os.pathsep.join(one for one in sys.path if one)}"
    command = collegium(program, "start", home.resolve())
    child = start(name, ["/usr/bin/env", path, *environment, *command], home / OUTPUT)
    on_record(folder, child)
    return child
