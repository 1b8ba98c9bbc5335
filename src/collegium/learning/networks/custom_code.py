"""A user's own code: one file, known by its SHA-256, that runs only where that is what was named.

The file is found by its module's name, in the working folder first, and never imported before its
digest is known: what is run are the bytes that were hashed. What they import is not hashed.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from collegium.errors import StudyError


def file_of(code: str) -> Path:
    """Return the file of ``module`` or ``module:name``.

    Raises:
        StudyError: there is none, or it is not one file.
    """
    name = code.partition(":")[0]
    found = (
        PathFinder.find_spec(name, [str(Path.cwd()), *sys.path]) if name.isidentifier() else None
    )
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        raise StudyError(
            "model.code", f"model.code is {code[:60]!r}, and there is no such module",
            "it is one Python file, in the working folder or installed, named without .py",
            "write 'mynet', or 'mynet:Net' for a class of mynet.py",
        )  # fmt: skip
    return Path(found.origin)


def digest_of(code: str) -> str:
    """Return the SHA-256 of a module's file, hex.

    Raises:
        StudyError: there is no such file.
    """
    return sha256(file_of(code).read_bytes()).hexdigest()


@lru_cache(maxsize=8)
def load(code: str, digest: str) -> Any:
    """Return a module that has the named digest, or what it holds under a name.

    Raises:
        StudyError: the file is another one, fails, or does not hold the name.
    """
    path = file_of(code)
    data = path.read_bytes()
    if sha256(data).hexdigest() != digest:
        raise StudyError(
            "model.code-digest", f"{path.name} is not the code that the study names",
            f"its SHA-256 is {sha256(data).hexdigest()}, and model.code_digest is {digest}",
            "install the file that was meant; whoever changes it registers a new study",
        )  # fmt: skip
    name, _, attribute = code.partition(":")
    module = ModuleType(name)
    module.__file__ = str(path)
    try:
        exec(compile(data, str(path), "exec"), module.__dict__)  # noqa: S102 - what it is for
        return getattr(module, attribute) if attribute else module
    except Exception as error:
        raise failed(code, error) from error


def failed(code: str, error: Exception) -> StudyError:
    """Return the refusal of code that fails."""
    return StudyError(
        "model.code-failed", f"the code {code[:60]!r} fails", f"{type(error).__name__}: {error}",
        "repair it, and register the repaired file's digest",
    )  # fmt: skip
