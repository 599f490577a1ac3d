"""What does each design do, side by side?

Input: designs, true rates, the error of the rating.
Output: `operating_characteristics` (one frame for one design) and `compare_designs` (one row per design).
Protocol section: design.
Method: exact sums over all endings, the estimate and its interval included.
Next: `figures.designs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.design.bayes.bop2 import OrdinalDesign
from pnstrial.design.counts.outcomes import Design, Outcomes, checked_rates
from pnstrial.design.counts.rating import RatingError, read_rating_error
from pnstrial.design.stages.after import ORDERS, ranks_of, umvue_of
from pnstrial.design.stages.bryant_day import BryantDayDesign, joint_cells, joint_tables
from pnstrial.numerics.arguments import Checks, as_array, display
from pnstrial.numerics.roots import reach_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["compare_designs", "interval_of_endings", "operating_characteristics"]


def interval_of_endings(
    outcomes: Outcomes, level: float = 0.95, order: str = "stagewise"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the exact interval after every ending at once.

    Parameters
    ----------
    outcomes : Outcomes
        Every ending.
    level : float, default 0.95
        Two-sided level.
    order : {"stagewise", "mle", "umvue"}
        How endings are ordered.

    Returns
    -------
    tuple of ndarray
        Lower and upper limits.

    Examples
    --------
    >>> from pnstrial import design
    >>> outcomes = design.simon(0.1, 0.3).optimal.outcomes
    >>> lower, upper = interval_of_endings(outcomes)
    >>> outcomes.n[:3].tolist(), outcomes.x[:3].tolist(), lower[:3].round(3).tolist(), upper[:3].round(3).tolist()
    ([10, 10, 29], [0, 1, 2], [0.0, 0.003, 0.025], [0.308, 0.445, 0.445])
    """
    checks = Checks("interval_of_endings").instance(
        "outcomes", outcomes, Outcomes, "the `outcomes` of a design"
    )
    checks.level("level", level).word("order", order, ORDERS).done()
    ranks = ranks_of(outcomes, order)
    tail = (1.0 - level) / 2.0
    beyond = ranks[:, None] >= ranks[None, :]  # [j, i]: ending j is at least as extreme as i

    def chance(counted: NDArray[np.bool_]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        return lambda p: np.where(counted, outcomes.probabilities(p), 0.0).sum(axis=0)

    at_least, at_most = chance(beyond), chance(beyond.T)
    lower = np.where(ranks == 0, 0.0, reach_all(at_least, tail, len(ranks)))
    upper = np.where(ranks == ranks.max(), 1.0, reach_all(lambda p: -at_most(p), -tail, len(ranks)))
    return lower, upper


def operating_characteristics(
    design: Design | OrdinalDesign | BryantDayDesign,
    true_rates: ArrayLike,
    rating_error: RatingError | float | ArrayLike | str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Give the exact operating characteristics of any design.

    Parameters
    ----------
    design : Design, OrdinalDesign or BryantDayDesign
        The design.
    true_rates : array of float
        True response rates; for an `OrdinalDesign` rows of (improved, stable, deteriorated), for a
        `BryantDayDesign` rows of (response, toxicity).
    rating_error : RatingError, float, str or 7 x 7 array, optional
        What the rating makes of the true rate (`as_rating_error`): the trial counts patients rated as improved,
        bias and coverage are against the true rate. Only for designs of a count of responders.
    level : float, default 0.95
        Level of the interval whose coverage is given.

    Returns
    -------
    pandas.DataFrame
        One row per rate: `true_rate`, `rated_rate`, `reject`, `expected_n`, `sd_n`, `median_n`, for each look
        `stop_futility_k` and `stop_efficacy_k`, `expected_estimate` and `bias` (of responders / n), and, where
        the design fixes its looks, `bias_umvue`, `coverage` (of the exact interval of `after_sequential`).

    Raises
    ------
    ValueError
        If a rate is none, or a rating error is asked for a design that has none.

    Examples
    --------
    >>> from pnstrial.design.stages.two_stage import two_stage
    >>> frame = operating_characteristics(two_stage(0, 9, 2, 17, 0.05, 0.25), [0.05, 0.25])
    >>> frame[["reject", "expected_n", "coverage"]].round(3).to_numpy().tolist()
    [[0.047, 11.958, 0.991], [0.812, 16.399, 0.988]]
    """
    import pandas as pd

    checks = Checks("operating_characteristics").level("level", level)
    kinds = (Design, OrdinalDesign, BryantDayDesign)
    checks.instance("design", design, kinds, "a design, as `simon` or `bop2` give").done()
    if not isinstance(design, Design):
        if rating_error is not None:
            raise ValueError(
                "operating_characteristics: rating_error applies to designs of a count of responders; give the"
                " probabilities as rated instead"
            )
        return _of_rows(design, true_rates)
    rate = np.atleast_1d(checked_rates("operating_characteristics", true_rates, "true_rates")).ravel()
    rated = (
        rate
        if rating_error is None
        else read_rating_error("operating_characteristics", "rating_error", rating_error).observed(rate)
    )
    oc = design.operating_characteristics(rated)
    frame = oc.to_frame().rename(columns={"p": "rated_rate"})
    frame.insert(0, "true_rate", rate)
    outcomes = design.outcomes
    weight = outcomes.probabilities(rated)
    frame["expected_estimate"] = (outcomes.x / outcomes.n) @ weight
    frame["bias"] = frame["expected_estimate"] - rate
    if np.isfinite(outcomes.ways_first).all():
        frame["bias_umvue"] = umvue_of(outcomes) @ weight - rate
        lower, upper = interval_of_endings(outcomes, level)
        # limits are found to the last digits only: a rate on a limit is covered
        inside = (lower[:, None] <= rate + 1e-12) & (rate - 1e-12 <= upper[:, None])
        frame["coverage"] = (weight * inside).sum(axis=0)
    return pd.DataFrame(frame)


def _of_rows(design: OrdinalDesign | BryantDayDesign, rates: ArrayLike) -> pd.DataFrame:
    """Give the characteristics of a design of two counts."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    width = 3 if isinstance(design, OrdinalDesign) else 2
    array = as_array(rates)
    given = np.empty((0, 0)) if array is None else np.atleast_2d(array)
    if given.ndim != 2 or given.shape[1] != width or ((given < 0) | (given > 1)).any():
        words = "improved, stable, deteriorated" if width == 3 else "response, toxicity"
        raise ValueError(
            f"operating_characteristics: true_rates = {display(rates)} must be rows of probabilities ({words})"
        )
    for row in given.tolist():
        if isinstance(design, OrdinalDesign):
            if abs(sum(row) - 1) > 1e-9:
                raise ValueError(f"operating_characteristics: true_rates row {row} must add to 1")
            oc = design.operating_characteristics(row)
            rows.append(
                {
                    "improved": row[0], "stable": row[1], "deteriorated": row[2], "reject": oc["reject"],
                    "expected_n": oc["expected_n"],
                    **{f"stop_{k + 1}": value for k, value in enumerate(oc["stop"])},
                }
            )  # fmt: skip
        else:
            response, toxicity = row
            pmf, tail = joint_tables(joint_cells(response, 1 - toxicity, design.odds_ratio), design.n)
            go = pmf[design.n1].copy()
            go[: design.responses_continue, :] = 0.0
            go[:, : design.nontoxic_continue] = 0.0
            x = np.maximum(0, design.responses_success - np.arange(design.n + 1))
            y = np.maximum(0, design.nontoxic_success - np.arange(design.n + 1))
            passed = float(go.sum())
            rows.append(
                {
                    "response": response,
                    "toxicity": toxicity,
                    "reject": float((go * tail[design.n - design.n1][x[:, None], y[None, :]]).sum()),
                    "expected_n": design.n1 + (design.n - design.n1) * passed,
                    "stop_1": 1.0 - passed,
                }
            )
    return pd.DataFrame(rows)


def _named(designs: object) -> dict[str, Design]:
    """Read designs in a list or by name."""
    named: dict[str, object] = {}
    if isinstance(designs, Mapping):
        named.update(cast("Mapping[str, object]", designs))
    elif isinstance(designs, Iterable) and not isinstance(designs, str):
        for k, design in enumerate(cast("Iterable[object]", designs)):
            named[f"{getattr(design, 'name', type(design).__name__)} ({k + 1})"] = design
    good = bool(named) and all(isinstance(design, Design) for design in named.values())
    Checks("compare_designs").add(
        not good,
        f"designs = {display(designs)} must be designs of a count of responders, in a list or by name",
    ).done()
    return cast("dict[str, Design]", named)


def compare_designs(
    designs: Mapping[str, Design] | Sequence[Design],
    p0: float,
    p1: float,
    rating_error: RatingError | float | ArrayLike | str | None = None,
) -> pd.DataFrame:
    """Put designs side by side.

    Parameters
    ----------
    designs : mapping of str to Design, or sequence of Design
        The designs, with names where they are given.
    p0, p1 : float
        Rates at which to compare them.
    rating_error : optional
        As `operating_characteristics`; adds `alpha_rated` and `power_rated`.

    Returns
    -------
    pandas.DataFrame
        One row per design: `design`, `n_max`, `alpha`, `power`, `expected_n0`, `expected_n1`, `early_stop0` (before
        the last look, at p0), `sentence`.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> from pnstrial.design.stages.single import single_stage_at
    >>> from pnstrial.design.stages.two_stage import two_stage
    >>> both = [single_stage_at(17, 0.05, 0.25), two_stage(0, 9, 2, 17, 0.05, 0.25)]
    >>> compare_designs(both, 0.05, 0.25)[["alpha", "power", "expected_n0"]].round(3).to_numpy().tolist()
    [[0.009, 0.647, 17.0], [0.047, 0.812, 11.958]]
    """
    import pandas as pd

    Checks("compare_designs").hypotheses(p0, p1).done()
    named = _named(designs)
    if rating_error is not None:
        rating_error = read_rating_error("compare_designs", "rating_error", rating_error)
    rows: list[dict[str, Any]] = []
    for name, design in named.items():
        oc = design.operating_characteristics(np.array([p0, p1]))
        row: dict[str, Any] = {
            "design": name,
            "n_max": int(max(design.look_sizes)),
            "alpha": float(oc.reject[0]),
            "power": float(oc.reject[1]),
            "expected_n0": float(oc.expected_n[0]),
            "expected_n1": float(oc.expected_n[1]),
            "early_stop0": float(oc.stop[:-1, 0].sum()),
        }
        if rating_error is not None:
            rated = design.operating_characteristics(np.array([p0, p1]), rating_error)
            row["alpha_rated"], row["power_rated"] = float(rated.reject[0]), float(rated.reject[1])
        rows.append({**row, "sentence": design.sentence()})
    return pd.DataFrame(rows)
