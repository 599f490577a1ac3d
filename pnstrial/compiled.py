"""How is a loop compiled once and kept?

Input: a plain Python function over numbers and NumPy arrays.
Output: the same function compiled by numba, released from the interpreter lock and cached on disk.
Protocol section: none.
Method: numba's own cache looks only at the file of the compiled function, so a kernel that calls a rule of
another file would stay stale when the rule changes. The cache folder here is named after the text of every
source file that is compiled: another rule, another folder.
Next: `rules`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kernel"]


@cache
def _cache_folder() -> str:
    """Find a writable folder for this version of the compiled sources."""
    package = Path(__file__).parent
    sources = sorted(
        [
            package / "rules.py",
            package / "compiled.py",
            *package.rglob("*_kernels.py"),
            *package.rglob("kernels/*.py"),
        ]
    )
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    users = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    for parent in [chosen] if chosen else [str(package / "__pycache__"), str(Path(users) / "pnstrial")]:
        folder = Path(parent) / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return tempfile.mkdtemp(prefix=name)


def kernel(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function with numba, without the interpreter lock, and keep the machine code on disk.

    Parameters
    ----------
    function : callable
        Python function in the subset that numba compiles.
    **options
        Handed to `numba.njit`.

    Returns
    -------
    callable
        The compiled function; it is compiled at its first call for each set of argument types.

    Notes
    -----
    Call it only from a module named ``*_kernels.py`` or from `rules`: the cache folder is keyed on the text
    of those, and such modules are imported on first use, which keeps numba out of ``import pnstrial``.
    """
    import numba
    from numba.core import config as numba_config

    config: Any = numba_config
    before = config.CACHE_DIR
    config.CACHE_DIR = _cache_folder()
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
