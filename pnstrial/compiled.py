"""How is a loop compiled once and kept, and when is it not worth compiling?

Input: a plain Python function over numbers and NumPy arrays.
Output: a `Kernel`: the same function, compiled by numba on first use and kept on disk, or run as it stands.
Protocol section: none.
Method: numba's own cache looks only at the file of the compiled function, so a kernel that calls a rule of another
file would stay stale when the rule changes. The cache folder of a kernel is named after the text of its file and of
every file that this imports from the package: another rule, another folder.
Next: `rules`.
"""

from __future__ import annotations

import gc
import hashlib
import os
import re
import sys
import tempfile
from contextlib import suppress
from functools import cache, cached_property, update_wrapper
from pathlib import Path
from threading import RLock
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EITHER", "INNER", "OUTER", "SELDOM", "SMALL", "Kernel", "kernel"]

OUTER: Final[dict[str, Any]] = {"error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}
"""Options of a kernel that Python calls. It makes no arrays, so it need not count references to those it is given;
counting costs more than the work that such kernels do with an array."""
INNER: Final[dict[str, Any]] = OUTER | {"no_cpython_wrapper": True, "forceinline": True}
"""Options of a kernel that only other kernels call: no door for Python has to be compiled."""
EITHER: Final[dict[str, Any]] = OUTER | {"forceinline": True}
"""Options of a kernel that Python and other kernels call."""
SELDOM: Final[dict[str, Any]] = OUTER | {"no_cpython_wrapper": True, "forceinline": False, "outlined": True}
"""The same for one that is seldom needed: it is called, not written into its caller."""
SMALL: Final = 200
"""Up to so many patients a kernel that was never compiled on this machine runs as plain Python."""

TRIED_WITH: Final = "0.68."
"""Version of numba for whose insides `compiler` is written; with any other, numba compiles in its own way."""

FEW_CALLS: Final = 16
"""So often a process asks a kernel about few patients before it loads the compiler's library for it."""

_PACKAGE: Final = Path(__file__).parent
_IMPORTS: Final = re.compile(r"^from (pnstrial[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_lock: Final = RLock()
_announced: list[str] = []


@cache
def _imported(source: Path) -> tuple[Path, ...]:
    """Find the files of the package that a file imports at its top."""
    found: list[Path] = []
    for module, names in _IMPORTS.findall(source.read_text(encoding="utf-8")):
        place = _PACKAGE.parent.joinpath(*module.split("."))
        candidates = [
            place.with_suffix(".py"),
            *(place / f"{name}.py" for name in re.findall(r"\w+", names)),
        ]
        found += [path for path in candidates if path.is_file()]
    return tuple(found)


@cache
def _cache_folder(source: Path) -> str:
    """Find a writable folder for this version of a file of kernels and of what it is compiled from."""
    sources, waiting = {Path(__file__), Path(__file__).with_name("compiler.py")}, [source]
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources.add(path)
            if path == source or path.name.endswith("_kernels.py") or path.parent.name == "kernels":
                waiting += _imported(path)
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    name = f"kernels-{source.stem}-{digest.hexdigest()[:16]}"
    users = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    for parent in [chosen] if chosen else [str(_PACKAGE / "__pycache__"), str(Path(users) / "pnstrial")]:
        folder = Path(parent) / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return tempfile.mkdtemp(prefix=name)


@cache
def own_steps() -> Any:
    """Give `compiler`, where it was tried with the numba that is installed."""
    import numba

    if not numba.__version__.startswith(TRIED_WITH):
        return None
    from pnstrial import compiler

    return compiler


@cache
def _cache_class() -> type:
    """Make numba's cache keep its files in our folder; the only place that knows how numba caches."""
    from numba.core import caching

    base: Any = vars(caching)["_CacheLocator"]

    class Locator(base):
        def __init__(self, folder: str, line: int) -> None:
            self.folder, self.line = folder, line

        def get_cache_path(self) -> str:
            return self.folder

        def get_source_stamp(self) -> str:
            return Path(self.folder).name

        def get_disambiguator(self) -> str:
            return str(self.line)

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Locator:
            return cls(_cache_folder(Path(py_file)), py_func.__code__.co_firstlineno)

    class Implementation(caching.CompileResultCacheImpl):
        _locator_classes = [Locator]  # noqa: RUF012

    class Cache(caching.FunctionCache):
        _impl_class = Implementation

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            found = super().load_overload(sig, target_context)
            if found is None:
                _announce()
            return found

        def save_overload(self, sig: Any, data: Any) -> None:
            with suppress(OSError):  # on a full disk it is compiled again next time
                super().save_overload(sig, data)

    return Cache


def _announce() -> None:
    """Say once, where a person waits at a terminal or in a notebook, that a first use compiles."""
    if _announced:
        return
    _announced.append("said")
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        print("pnstrial: first use on this machine, compiling for 2 to 10 seconds (kept)", file=sys.stderr)


def _without_collecting(work: Callable[..., Any]) -> Callable[..., Any]:
    """Collect no garbage while the compiler makes a million objects that it keeps, nor search these right after."""

    def run(*arguments: Any) -> Any:
        collects = gc.isenabled()
        gc.disable()
        try:
            return work(*arguments)
        finally:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()  # what is there now counts as old
            if collects:
                gc.enable()

    return run


def _with_globals(function: Callable[..., Any], **changed: Any) -> Callable[..., Any]:
    """Copy a function so that its global names mean other things."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"only a plain function can be compiled, not {type(function).__name__}")
    scope = {**function.__globals__, **changed}
    made = FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return update_wrapper(made, function)


class Kernel:
    """A function that is compiled on first use, without the interpreter lock, and kept on disk.

    Make it only in a module named ``*_kernels.py`` or in a folder ``kernels``, or in `rules`: what such a module
    imports at its top is what its machine code is made from.

    Parameters
    ----------
    function : callable
        Plain Python in the subset that numba compiles; the names of other kernels in it mean those kernels. A place
        in an array that is worked out counts from the beginning; only a written one, as -1, counts from the end.
    **options
        Handed to `numba.njit`.

    Examples
    --------
    >>> def add(a, b):
    ...     return a + b
    >>> Kernel(add).plain(1, 2)
    3
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.function = function
        self.options = options
        self.known: dict[str, dict[int, int]] = {}
        self._ready = False
        self._small_calls = 0
        update_wrapper(self, function)

    def _calls(self) -> dict[str, Kernel]:
        scope = getattr(self.function, "__globals__", {})
        names = getattr(self.function, "__code__").co_names  # noqa: B009
        return {name: scope[name] for name in names if isinstance(scope.get(name), Kernel)}

    def knowing(self, name: str, **known: dict[int, int]) -> Kernel:
        """Make the same kernel for arrays that hold known numbers: what these rule out is not compiled.

        Parameters
        ----------
        name : str
            Told from the kernel itself by this name on disk.
        **known : dict
            For an argument of the kernel, and of those that it calls: numbers by their places.

        Returns
        -------
        Kernel
            Whoever calls it has looked that the numbers are these.
        """
        made: dict[int, Kernel] = {}

        def copied(kernel: Kernel) -> Kernel:
            if id(kernel) not in made:
                calls = {name: copied(called) for name, called in kernel._calls().items()}
                function = _with_globals(kernel.function, **calls)
                function.__qualname__ += f".{name}"
                made[id(kernel)] = copy = Kernel(function, **kernel.options)
                copy.known = known
            return made[id(kernel)]

        return copied(self)

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        """The machine code, with numba's dispatcher in front of it."""
        with _lock:
            steps = own_steps()
            dispatcher = self._dispatcher(**{"pipeline_class": steps.Whole} if steps else {})
            if not self.function.__code__.co_filename.startswith("<"):
                dispatcher._cache = _cache_class()(dispatcher.py_func)  # noqa: SLF001
            dispatcher.compile = _without_collecting(dispatcher.compile)
            return dispatcher

    @cached_property
    def _called(self) -> Any:
        """The form that other kernels call; its machine code is theirs."""
        steps = own_steps()
        if steps is None:
            return self._dispatcher(no_cpython_wrapper=True)
        form = steps.Outlined if self.options.get("outlined") else steps.Called
        return self._dispatcher(pipeline_class=form, no_cpython_wrapper=True)

    def _dispatcher(self, **options: Any) -> Any:
        import numba

        steps = own_steps()
        function = _with_globals(
            self.function,
            **(steps.MIN_MAX | ({steps.KNOWN: self.known} if self.known else {}) if steps else {}),
            **{name: called._called for name, called in self._calls().items()},  # noqa: SLF001
        )
        settings = {name: value for name, value in (self.options | options).items() if name != "outlined"}
        return numba.njit(nogil=True, **settings)(function)

    @cached_property
    def plain(self) -> Callable[..., Any]:
        """The same source, not compiled; division by zero gives what NumPy gives."""
        inner = self._plain

        def run(*arguments: Any) -> Any:
            with np.errstate(all="ignore"):
                return inner(*arguments)

        return run

    @cached_property
    def _plain(self) -> Callable[..., Any]:
        return _with_globals(
            self.function,
            **{name: called._plain for name, called in self._calls().items()},  # noqa: SLF001
        )

    def is_ready(self) -> bool:
        """Whether there is machine code already, in this process or on disk."""
        if not self._ready:
            made: Any = self.__dict__.get("compiled")
            self._ready = (made is not None and bool(made.signatures)) or self._is_stored
        return self._ready

    @cached_property
    def _is_stored(self) -> bool:
        folder = Path(_cache_folder(Path(self.function.__code__.co_filename)))
        return any(folder.glob(f"*.{self.function.__qualname__}-*.nbi"))

    def for_size(self, n: int) -> Callable[..., Any]:
        """Choose the form for so many patients: plain Python for few where nothing is compiled or it does not pay.

        Parameters
        ----------
        n : int
            Patients.

        Returns
        -------
        callable
        """
        return self.compiled if self.pays(n) else self.plain

    def pays(self, n: int) -> bool:
        """Say whether machine code is worth its compiler for so many patients.

        For few patients it is where it is there already and the process has loaded the compiler's library, which
        takes longer than some calls of plain Python, or calls so often that it will.

        Parameters
        ----------
        n : int
            Patients.

        Returns
        -------
        bool
        """
        if n > SMALL:
            return True
        if not self.is_ready():
            return False
        self._small_calls += 1
        return self._small_calls > FEW_CALLS or "numba" in sys.modules

    def __call__(self, *arguments: Any) -> Any:
        """Run the machine code; it is compiled if it is not there yet."""
        return self.compiled(*arguments)


def kernel(function: Callable[..., Any], **options: Any) -> Any:
    """Make the `Kernel` of a function; a checker takes it for the function itself."""
    return Kernel(function, **options)
