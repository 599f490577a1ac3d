"""Do the numbers agree with R on data that nobody has looked at?

Draws 500 small data sets (5 to 60 patients, tied times, several groups, competing causes, grades), analyses each here
and by R, and writes the largest difference of every quantity. What one side does not give (separation, no event) is
counted. The data are made anew from the seed and not kept.
Run: python analyses/13_fresh_data_against_r.py   (needs R with survival, cmprsk, coin, MASS, ordinal, jsonlite)
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial import design, shift, survival

if TYPE_CHECKING:
    from collections.abc import Callable

SEED, SETS = 20261122, 500
HERE = Path(__file__).parent
TARGET = HERE.parent / "tests" / "reference" / "fresh"
Answers = dict[str, dict[str, Any] | None]


def fresh_data(rng: np.random.Generator) -> dict[str, Any]:
    """Draw one data set; the survival part and the grades are of the same patients."""
    n = int(rng.integers(5, 61))
    months = rng.exponential(rng.uniform(4, 20), n)
    time = np.ceil(months) if rng.random() < 0.6 else months.round(6) + 1e-3
    cause = rng.choice(3, n, p=rng.dirichlet([2, 3, 2]))
    treated = rng.permutation(np.arange(n) % 2)
    first = rng.integers(1, 6, n)
    second = np.clip(first + rng.choice([-2, -1, 0, 1], n, p=rng.dirichlet([1, 2, 3, 1])) - treated, 0, 6)
    patients = int(rng.integers(1, 61))
    columns = {
        "time": time, "cause": cause, "event": (cause > 0).astype(int), "treated": treated,
        "group": rng.permutation(np.arange(n) % int(rng.integers(2, 4))), "stratum": rng.integers(0, 2, n),
        "x": rng.normal(size=n).round(3), "first": first, "second": second,
    }  # fmt: skip
    one = {
        "patients": patients,
        "responders": int(rng.binomial(patients, 0.25)),
        "null": float(rng.uniform(0.02, 0.6)),
    }
    return {name: column.tolist() for name, column in columns.items()} | one


def cox(data: pd.DataFrame, ties: str) -> dict[str, Any]:
    """Fit the same model with one way to treat ties."""
    fit = survival.cox(data=data, time="time", event="event", covariates=["x", "treated"], ties=ties)
    table = fit.to_frame()
    made = {"coef": table["coef"], "std_error": table["std_error"], "loglik": fit.loglik}
    return made | {"score": fit.score.statistic, "likelihood_ratio": fit.likelihood_ratio.statistic}


def of_survival(d: dict[str, Any]) -> dict[str, Callable[[], dict[str, Any]]]:
    """Name what survival answers as R names it."""
    time, event, cause, group = d["time"], d["event"], d["cause"], d["group"]
    data = pd.DataFrame({name: d[name] for name in ("time", "event", "cause", "x", "treated")})

    def curve(conf_type: str) -> dict[str, Any]:
        found = survival.kaplan_meier(time, event, conf_type=conf_type)
        return {name: getattr(found, name) for name in ("survival", "std_error", "lower", "upper")}

    def incidence(which: int) -> dict[str, Any]:
        found = survival.cumulative_incidence(time, cause)
        return {"incidence": found.incidence[which], "variance": found.variance_aalen[which]}

    def test(found: Any) -> dict[str, Any]:
        return {"statistic": found.statistic, "p_value": found.p_value}

    def fine_gray() -> dict[str, Any]:
        fit = survival.fine_gray(
            data=data, time="time", cause="cause", covariates=["x", "treated"], tolerance=1e-10
        )
        table = fit.to_frame()
        return {"coef": table["coef"], "std_error": table["std_error"], "loglik": fit.loglik}

    return {
        "survfit log": lambda: curve("log"),
        "survfit log-log": lambda: curve("log-log"),
        "survfit plain": lambda: curve("plain"),
        "survdiff": lambda: test(survival.logrank(time, event, group)),
        "survdiff, strata": lambda: test(survival.logrank(time, event, group, strata=d["stratum"])),
        "coxph, Efron": lambda: cox(data, "efron"),
        "coxph, Breslow": lambda: cox(data, "breslow"),
        "cuminc, cause 1": lambda: incidence(1),
        "cuminc, cause 2": lambda: incidence(2),
        "cuminc, Gray's test": lambda: test(survival.gray_test(time, cause, group)),
        "crr": fine_gray,
    }


def of_counts(d: dict[str, Any]) -> dict[str, Callable[[], dict[str, Any]]]:
    """Name what the grades and the count of responders answer as R names it."""

    def odds(*names: str) -> dict[str, Any]:
        fit = shift.common_odds_ratio(d["second"], group=d["treated"], control=0)
        return {name: getattr(fit, name) for name in names}

    def adjusted() -> dict[str, Any]:
        fit = shift.ordinal_model(d["second"], {"x": d["x"], "treated": d["treated"]}, profile=False)
        return {"beta": fit.beta, "std_error": fit.std_error, "loglik": fit.loglik}

    def share() -> dict[str, Any]:
        more = design.proportion(d["responders"], d["patients"], d["null"])
        two = design.proportion(d["responders"], d["patients"], d["null"], alternative="two-sided")
        return {"p_greater": more.p_value, "p_two_sided": two.p_value, "ci": more.ci}

    return {
        "wilcoxsign_test, Pratt, exact": lambda: {
            "p_value": shift.signed_rank(d["first"], d["second"]).p_value
        },
        "polr": lambda: odds("log_odds_ratio", "loglik"),
        "clm": lambda: odds("log_odds_ratio", "std_error", "loglik", "p_value_lr"),
        "clm, two covariates": adjusted,
        "binom.test": share,
    }


def numbers(value: Any) -> np.ndarray[Any, Any]:
    """Read numbers; what is not estimable is nan."""
    parts = np.atleast_1d(np.asarray(value, dtype=object)).ravel()
    return np.array(
        [float(v) if isinstance(v, int | float | np.number) else np.nan for v in parts], dtype=float
    )


def differences(ours: list[Answers], theirs: list[Answers]) -> pd.DataFrame:
    """Give one row per quantity: the largest difference, in which data set, and what one side does not give."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    names = {(method, name): None for one in ours for method, found in one.items() for name in found or {}}
    for method, name in names:
        row = {
            "data_sets": 0,
            "values": 0,
            "only_here": 0,
            "only_r": 0,
            "largest": 0.0,
            "relative": 0.0,
            "set": 0,
        }
        for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            a, b = (numbers((side.get(method) or {}).get(name, [])) for side in (one, other))
            a, b = (side if side.size else np.full(max(a.size, b.size), np.nan) for side in (a, b))
            if a.size != b.size:
                raise ValueError(f"{method}, {name}, data set {k}: {a.size} numbers here, {b.size} from R")
            here, there = np.isfinite(a), np.isfinite(b)
            row["only_here"] += int((here & ~there).any())
            row["only_r"] += int((there & ~here).any())
            if (here & there).any():
                gap = np.abs(a - b)[here & there]
                row["data_sets"] += 1
                row["values"] += gap.size
                row["relative"] = max(
                    row["relative"], float((gap / np.maximum(1.0, np.abs(b[here & there]))).max())
                )
                if gap.max() > row["largest"]:
                    row["largest"], row["set"] = float(gap.max()), k
        rows[method, name] = row
    return pd.DataFrame([{"method": m, "quantity": q, **row} for (m, q), row in rows.items()])


def answer(question: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Ask; a refusal (no event of a cause, one level of a covariate) is no answer."""
    try:
        return question()
    except (ValueError, KeyError):
        return None


def main() -> None:
    """Draw, ask both, write the table."""
    rng = np.random.default_rng(SEED)
    sets = [fresh_data(rng) for _ in range(SETS)]
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data, answers = Path(folder, "data.json"), Path(folder, "answers.json")
        data.write_text(json.dumps(sets))
        script = [
            str(HERE / "13_fresh_data_against_r.R"),
            str(data),
            str(answers),
            str(TARGET / "sessionInfo.txt"),
        ]
        subprocess.run(["Rscript", *script], check=True)  # noqa: S603, S607
        theirs = json.loads(answers.read_text())
    ours = [
        {name: answer(question) for name, question in (of_survival(one) | of_counts(one)).items()}
        for one in sets
    ]
    table = differences(ours, theirs)
    table.to_csv(TARGET / "differences.csv", index=False, float_format="%.2g")
    print(f"{SETS} data sets, seed {SEED}\n{table.to_string(index=False)}")


if __name__ == "__main__":
    main()
