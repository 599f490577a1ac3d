"""What have results of two groups in common, and how do win ratio, win odds and net benefit stand in print?

Input: a result that holds the three, each as estimate, lower and upper limit.
Output: one display and one table of three rows.
Protocol section: none.
Method: the primary of the three is the win odds, whose ties count half to each side.
Next: `shift.paired.change`, `shift.groups.wins`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.results import Display, NotEstimable, Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OfTwoGroups", "WinTriples"]


class OfTwoGroups(Result):
    """A result with ``n_treated`` and ``n_control``."""

    @property
    def n(self) -> int:
        """Patients of both groups."""
        return vars(self)["n_treated"] + vars(self)["n_control"]


class WinTriples(Result):
    """A result with ``win_ratio``, ``win_odds`` and ``net_benefit``."""

    def _triples(self) -> dict[str, tuple[float, float, float] | NotEstimable]:
        return {name: vars(self)[name] for name in ("win_ratio", "win_odds", "net_benefit")}

    def _p_values(self) -> dict[str, float | NotEstimable]:
        fields = vars(self)
        overall = fields["p_value"]
        ratio = fields.get("p_value_win_ratio", overall)
        return {"win_ratio": ratio, "win_odds": overall, "net_benefit": overall}

    @property
    def estimate(self) -> float | NotEstimable:
        """The win odds."""
        odds = self._triples()["win_odds"]
        return odds if isinstance(odds, NotEstimable) else odds[0]

    @property
    def ci(self) -> tuple[float, float] | NotEstimable:
        """The interval of the win odds."""
        odds = self._triples()["win_odds"]
        return odds if isinstance(odds, NotEstimable) else odds[1:]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each of the three.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, estimate, lower, upper, p_value, reason.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        p_values = self._p_values()
        for name, triple in self._triples().items():
            none, p = isinstance(triple, NotEstimable), p_values[name]
            values = (np.nan,) * 3 if isinstance(triple, NotEstimable) else triple
            rows.append({
                "statistic": name.replace("_", " "),
                **dict(zip(("estimate", "lower", "upper"), values, strict=True)),
                "p_value": np.nan if isinstance(p, NotEstimable) else p,
                "reason": f"estimate: {triple}".replace("not estimable: ", "") if none else "",
            })  # fmt: skip
        return pd.DataFrame(rows)

    def _display(self) -> Display:
        fields = vars(self)
        frame = self.to_frame()
        names = [
            name
            for name in ("n", "n_treated", "n_control", "wins", "losses", "ties", "level")
            if name in fields
        ]
        pairs = tuple((name.replace("_", " "), fields[name]) for name in names)
        table = frame if frame["reason"].any() else frame.drop(columns="reason")
        return Display(f"Wins and losses; {fields['direction']}", pairs, table, (fields["method"],))
