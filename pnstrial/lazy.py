"""How does a package have many public names and load each on first use?

Input: the package, and which names live in which of its modules.
Output: its `__getattr__`, `__dir__` and `__all__`.
Protocol section: none.
Method: PEP 562. The package declares the same names to type checkers under ``TYPE_CHECKING``; a test holds both equal.
Next: `results`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str], hints: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Load each public name of a package when it is first used.

    Parameters
    ----------
    package : str
        The package's `__name__`.
    homes : mapping of str to str
        For each module, relative to the package, the names that it gives, separated by spaces; under "" the names
        that are modules themselves.
    hints : mapping of str to str, optional
        What to call instead, for other common names of the same thing.

    Returns
    -------
    tuple
        `__getattr__`, `__dir__` and `__all__`.

    Notes
    -----
    A name that is also the name of a module must be imported by the package itself, since importing the module
    binds it.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    names = sorted(home_of)

    def load(name: str) -> object:
        if name not in home_of:
            hint = f"; it is {package.rpartition('.')[2]}.{hints[name]}" if hints and name in hints else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")
        home = home_of[name]
        module = import_module(f"{package}.{home or name}")
        value = getattr(module, name) if home else module
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: names, names
