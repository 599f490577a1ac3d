"""How do the references of a numpydoc docstring become a numbered list? (an extension of Griffe)

Input: docstrings with ``[1]_`` in their text and ``.. [1] ...`` under References; types as ``array_like, shape (n,)``.
Output: the same with ``[1]`` and a list, as Markdown has them, and types that are not taken for a tuple.
Protocol section: none.
Method: three substitutions, before the docstring is parsed.
Next: `build_site`.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_MARK = re.compile(r"\[(\d+)\]_")
_SHAPE = re.compile(r"(array_like|ndarray|of int|of float|of bool), shape \(")
_ITEM = re.compile(r"^(\s*)\.\. \[(\d+)\] ", re.MULTILINE)


def as_markdown(docstring: str) -> str:
    """Write marks and references as Markdown, and shapes as words."""
    text = _SHAPE.sub(r"\1 of shape (", docstring)
    return _MARK.sub(r"\\[\1\\]", _ITEM.sub(r"\1\2. ", text))


class References(griffe.Extension):
    """Rewrites each docstring once, where it is found."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
