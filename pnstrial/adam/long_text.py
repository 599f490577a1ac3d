"""How does a text of over 200 bytes stand in variables of at most 200?

Input: a `Dataset` with long texts; or one whose texts stand in pieces.
Output: the other of the two.
Protocol section: none.
Method: a text is cut at the last space before 200 bytes into NAME, NAME1, NAME2, ... (SDTM Implementation Guide 3.4,
section 4.5.3.2); names are cut to 8 characters. Pieces are joined only where cutting what they join to gives them back.
Next: `xpt`, `dataset_json`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from pnstrial.adam.specification import LABEL_LENGTH, NAME_LENGTH, TEXT_BYTES, Variable

if TYPE_CHECKING:
    from pnstrial.adam.dataset import Dataset

__all__ = ["in_pieces", "joined", "with_long_texts"]


def _size(text: str) -> int:
    return len(text.encode())


def _spaces(text: str) -> list[int]:
    """Find the places where one space stands between two words: a cut there loses nothing."""
    inner = range(1, len(text) - 1)
    return [i for i in inner if text[i] == " " and not text[i - 1].isspace() and not text[i + 1].isspace()]


def cut(text: str) -> list[str]:
    """Cut a text into pieces of at most 200 bytes, at spaces where there are any.

    Examples
    --------
    >>> [len(piece) for piece in cut("a word " * 60)]
    [197, 195, 26]
    """
    pieces: list[str] = []
    rest = text
    while _size(rest) > TEXT_BYTES:
        head = rest.encode()[:TEXT_BYTES].decode("utf-8", "ignore")
        spaces = [i for i in _spaces(rest[: len(head) + 1]) if _size(rest[:i]) < TEXT_BYTES]
        end = spaces[-1] if spaces else len(head)
        pieces.append(rest[:end])
        rest = rest[end + 1 if spaces else end :]
    return [*pieces, rest]


def _join(pieces: list[str]) -> str:
    text = pieces[0]
    for before, after in pairwise(pieces):
        unbroken = not _spaces(f"{before}.") and _size(before + after[:1]) > TEXT_BYTES
        text += after if unbroken else f" {after}"
    return text


def _can_be_cut(text: str) -> bool:
    pieces = cut(text)
    return _join(pieces) == text and all(piece.rstrip() == piece for piece in pieces)


def _piece_name(name: str, number: int) -> str:
    return f"{name[: NAME_LENGTH - len(str(number))]}{number}"


def _is_long(value: object) -> bool:
    return isinstance(value, str) and _size(value) > TEXT_BYTES


def with_long_texts(dataset: Dataset) -> Dataset:
    """Name the variables whose texts of over 200 bytes can stand in pieces.

    Returns
    -------
    Dataset
        With them in `long_texts`. Left out are variables of the key, texts that pieces would not give back (words of
        198 bytes and more), and variables whose pieces would take the name of another.
    """
    found: list[str] = []
    for variable in dataset.variables:
        if not variable.is_text or variable.name in {*dataset.keys, "USUBJID", "SUBJID"}:
            continue
        long = [value for value in dataset.frame[variable.name] if _is_long(value)]
        if not long or not all(_can_be_cut(value) for value in long):
            continue
        most = max(len(cut(value)) for value in long)
        if all(_piece_name(variable.name, number) not in dataset for number in range(1, most)):
            found.append(variable.name)
    return replace(dataset, long_texts=tuple(found))


def in_pieces(dataset: Dataset) -> Dataset:
    """Give a dataset whose long texts stand in variables of their own.

    Parameters
    ----------
    dataset : Dataset
        With `long_texts`, see `with_long_texts`.

    Returns
    -------
    Dataset
        The pieces follow their variable; their labels have a number.
    """
    if not dataset.long_texts:
        return dataset
    variables: list[Variable] = []
    columns: dict[str, pd.Series] = {}
    for variable in dataset.variables:
        values = dataset.frame[variable.name]
        if variable.name not in dataset.long_texts:
            variables.append(variable)
            columns[variable.name] = values
            continue
        texts = [cut(value) if isinstance(value, str) else [] for value in values]
        for number in range(max(map(len, texts))):
            piece = variable if number == 0 else _continued(variable, number)
            variables.append(piece)
            own = [parts[number] if number < len(parts) else None for parts in texts]
            columns[piece.name] = pd.Series(own, values.index, dtype=object)
    frame = pd.DataFrame(columns, index=dataset.frame.index)
    return replace(dataset, variables=tuple(variables), frame=frame, long_texts=())


def _continued(variable: Variable, number: int) -> Variable:
    mark = f" ({number + 1})"
    label = variable.label.encode()[: LABEL_LENGTH - len(mark)].decode("utf-8", "ignore").rstrip() + mark
    source = f"{variable.name}, continued"
    return replace(variable, name=_piece_name(variable.name, number), label=label, codelist="", source=source)


def joined(dataset: Dataset) -> Dataset:
    """Give a dataset whose texts are whole again.

    Returns
    -------
    Dataset
        NAME, NAME1, NAME2, ... are one variable where every record holds what cutting a text gives; any other variable
        is left as it is.
    """
    taken: dict[str, list[str]] = {}
    texts = {variable.name for variable in dataset.variables if variable.is_text}
    for variable in dataset.variables:
        parts = [variable.name] if variable.name in texts else []
        while parts and (following := _piece_name(variable.name, len(parts))) in texts - {variable.name}:
            parts.append(following)
        if len(parts) > 1 and (whole := _whole(dataset, parts)) is not None:
            taken[variable.name] = parts[1:]
            dataset = replace(dataset, frame=dataset.frame.assign(**{variable.name: whole}))
    if not taken:
        return dataset
    gone = {part for parts in taken.values() for part in parts}
    variables = tuple(
        replace(variable, length=None) if variable.name in taken else variable
        for variable in dataset.variables
        if variable.name not in gone
    )
    frame = dataset.frame[[variable.name for variable in variables]]
    return replace(dataset, variables=variables, frame=frame, long_texts=tuple(taken))


def _whole(dataset: Dataset, parts: list[str]) -> pd.Series | None:
    """Join the pieces of every record; None where a record does not hold the pieces of one text."""
    found: list[str | None] = []
    for cells in zip(*(dataset.frame[part] for part in parts), strict=True):
        held = [cell for cell in cells if isinstance(cell, str)]
        if any(not isinstance(cell, str) for cell in cells[: len(held)]):
            return None
        text = _join(held) if held else None
        if text is not None and cut(text) != held:
            return None
        found.append(text)
    if not any(_is_long(text) for text in found):
        return None
    return pd.Series(found, dataset.frame.index, dtype=object)
