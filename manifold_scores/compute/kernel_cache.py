"""Compiled kernels on disk: never stale, safe between processes, and never in the way of a call.

numba's own cache asks whether the file that a kernel stands in has changed, although the machine code holds what that
file imports as well; it keeps the signatures of a kernel in one index, in which two processes that compile at once can
exchange them; and where the disk is full, or a file was cut short, the call fails.  Here every signature of a kernel
has a file of its own, put in its place by one rename.  It begins with a stamp, of all sources that the kernel is made
of and of the versions that compiled them, and with a digest of what follows.  A file that does not match is compiled
anew and replaced; one that cannot be written is done without.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import re
import sys
import uuid
from importlib import resources
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

__all__ = ["KernelCache", "sources"]

# What changes the code that numba generates, apart from the processor, which is part of the key.
_SETTINGS = ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")

# How modules of compute/ import each other: one module, or several of them in one line.
_IMPORT = re.compile(rb"^[ \t]*from \.(\w*) import ([^\n]*)", re.MULTILINE)


def sources(module: str) -> dict[str, bytes]:
    """Return the texts of a module of compute/, and of all those that it imports, by name."""
    folder, found, todo = resources.files(__package__), {}, [module]
    while todo:
        name = todo.pop()
        path = folder / f"{name}.py"
        if name not in found and path.is_file():
            found[name] = path.read_bytes()
            for one, several in _IMPORT.findall(found[name]):
                todo += [one.decode()] if one else re.findall(r"\w+", several.decode())
    return found


def _digest(module: str) -> bytes:
    """Return a digest of the versions and sources that the machine code of a module's kernels comes from."""
    settings = {name: getattr(config, name, None) for name in _SETTINGS}
    versions = numba.__version__, llvmlite.__version__, np.__version__, sys.version
    digest = hashlib.sha256(repr((versions, settings)).encode())
    for name, text in sorted(sources(module).items()):
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.digest()


# Of the sources that this process runs, which may change on the disk later.
_loaded = functools.cache(_digest)


class _Files:
    """The files of one kernel, one for each signature; in the place of numba's index and data files."""

    def __init__(self, folder: str, function: Any, options: dict[str, Any]) -> None:
        self._folder, self._options = folder, options
        self._module = function.__module__.rpartition(".")[2]
        self._kernel = f"{self._module}.{function.__qualname__}".replace("<", "").replace(">", "")
        self._stamp = hashlib.sha256(_loaded(self._module) + repr(sorted(options.items())).encode()).digest()

    def load(self, key: Any) -> Any:
        """Return what was saved under the key; None unless there is a whole and fresh file of it."""
        with open(self._path(key), "rb") as file:
            content = file.read()
        head, body = content[:64], content[64:]
        if head != self._stamp + hashlib.sha256(body).digest():
            return None
        saved_key, data = pickle.loads(body)
        return data if saved_key == key else None

    def save(self, key: Any, data: Any) -> None:
        """Write a file that other processes see whole or not at all."""
        if _digest(self._module) != _loaded(self._module):
            return
        path, body = self._path(key), dumps((key, data))
        unfinished = f"{path}.{uuid.uuid4().hex[:16]}"
        try:
            with open(unfinished, "wb") as file:
                file.write(self._stamp + hashlib.sha256(body).digest() + body)
            os.replace(unfinished, path)
        finally:
            with contextlib.suppress(OSError):  # it is gone, unless something failed
                os.unlink(unfinished)

    def flush(self) -> None:
        """Keep nothing for this kernel: `recompile` replaces the files."""

    def _path(self, key: Any) -> str:
        signature, processor, _ = key  # the third is the byte code, which the stamp covers
        which = hashlib.sha256(repr((signature, processor, self._options)).encode()).hexdigest()[:16]
        return os.path.join(self._folder, f"{self._kernel}.{sys.implementation.cache_tag}.{which}.kernel")


class KernelCache(FunctionCache):
    """numba's cache of one function compiled with `options`, in files of ours; the folder is chosen as numba does.

    That is NUMBA_CACHE_DIR, __pycache__ beside the source, or a folder of the user's, the first that can be written.

    Raises
    ------
    RuntimeError : there is none.
    """

    _cache_file: Any

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        super().__init__(function)
        self._cache_file = _Files(self._cache_path, function, options)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel, or None."""
        with contextlib.suppress(Exception):  # whatever is wrong with a file, the kernel can be compiled
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel if possible."""
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)
