"""How do the references of a numpydoc docstring become a numbered list? (an extension of Griffe)

Input: docstrings with ``[1]_`` in their text and ``.. [1] ...`` under References.
Output: the same with ``[1]`` and a list, as Markdown has them.
Protocol section: none.
Method: two substitutions, before the docstring is parsed.
Next: `build_site`.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_MARK = re.compile(r"\[(\d+)\]_")
_ITEM = re.compile(r"^(\s*)\.\. \[(\d+)\] ", re.MULTILINE)


def as_markdown(docstring: str) -> str:
    """Write marks and references as Markdown."""
    return _MARK.sub(r"\\[\1\\]", _ITEM.sub(r"\1\2. ", docstring))


class References(griffe.Extension):
    """Rewrites each docstring once, where it is found."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
