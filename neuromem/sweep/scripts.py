"""Experiments are Python files loaded by their path, in this process and in any worker."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from neuromem.core.errors import DataError, ParameterError

_PREFIX = "neuromem_script_"
_STAMP = "__neuromem_stamp__"


def load_script(path: str | os.PathLike[str]) -> ModuleType:
    """Run a Python file and return it as a module; the same unchanged file is run once.

    The module's name follows from the path, so that a worker process, which loads the same
    file, finds the functions that were pickled here.

    Parameters
    ----------
    path : path
        A file ``*.py``; it need not be in a package or on ``sys.path``.

    Raises
    ------
    DataError
        If there is no such file.
    ParameterError
        If it is no Python file, has a syntax error, or raises while it is loaded.
    """
    script = Path(path).resolve()
    if not script.is_file():
        raise DataError(f"load_script: there is no script {path}. Give the path of a .py file.")
    if script.suffix != ".py":
        raise ParameterError(f"load_script: {path} is no Python file; give a path ending in .py.")
    name = (
        f"{_PREFIX}{script.stem}_{hashlib.blake2b(str(script).encode(), digest_size=4).hexdigest()}"
    )
    status = script.stat()
    stamp = (status.st_mtime_ns, status.st_size)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, _STAMP, None) == stamp:
        return loaded
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec is not None  # the name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    setattr(module, _STAMP, stamp)
    sys.modules[name] = module  # dataclasses and pickle look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ParameterError(
            f"load_script: {path}, line {_line(error, script)}: "
            f"{type(error).__name__}: {_reason(error)}. Mend the script."
        ) from error
    return module


def script_of(function: object) -> str | None:
    """Return the path of the script that defines `function`, None if a plain import finds it."""
    name = getattr(function, "__module__", None) or ""
    if not name.startswith(_PREFIX):
        return None
    return sys.modules[name].__file__


def _line(error: Exception, script: Path) -> int | str:
    """Return the last line of the script itself that the error went through."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(script)]
    return lines[-1] if lines and lines[-1] is not None else "unknown"


def _reason(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text.splitlines()[0].rstrip(".") if text else "no message"
