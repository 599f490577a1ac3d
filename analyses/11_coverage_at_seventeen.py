"""Do the intervals that are printed by default hold 95 % with 17 patients?

Counts every outcome of one arm where that is possible (exact), else 20,000 simulated trials (their error is at most
0.002 near 0.95); NotEstimable counts as not covering. Writes ``docs/coverage.md``.
Run: python analyses/11_coverage_at_seventeen.py
"""

from __future__ import annotations

from math import comb, inf
from pathlib import Path

import numpy as np

from pnstrial import design, shift
from pnstrial.results import NotEstimable

N, TRIALS = 17, 20_000
SHARES = (0.02, 0.06, 0.12, 0.25, 0.5)
P = np.array([0.02, 0.06, 0.12, 0.25, 0.30, 0.15, 0.10])
Row = tuple[str, str, list[float], str]


def held(ci: object, truth: float) -> bool:
    """Say whether an interval covers."""
    return isinstance(ci, tuple) and ci[0] - 1e-9 <= truth <= ci[1] + 1e-9


def triple(value: object) -> object:
    """Give the limits of estimate, lower, upper."""
    return value[1:] if isinstance(value, tuple) else value


def one_arm() -> list[Row]:
    """Count every outcome of patients at mRS 3 who go to 2, stay, or go to 4."""
    found = {}
    for up in range(N + 1):
        for down in range(N + 1 - up):
            second = [2] * up + [4] * down + [3] * (N - up - down)
            wins = shift.paired_wins([3] * N, second)
            found[up, down] = {
                "change of utility, `utility` (default)": shift.utility([3] * N, second).ci,
                'change of utility, `utility(conf_type="t")`': shift.utility(
                    [3] * N, second, conf_type="t"
                ).ci,
                "share improved, `changes`": shift.changes([3] * N, second).improved_ci,
                "share improved of those who changed, `sign_test`": shift.sign_test([3] * N, second).ci,
                "net benefit and win odds, `paired_wins`": triple(wins.net_benefit),
                "win ratio, `paired_wins`": triple(wins.win_ratio),
            }
    rows: list[Row] = []
    for name in next(iter(found.values())):
        for direction, up_share in (
            ("all for the better", 1.0),
            ("all for the worse", 0.0),
            ("half each", 0.5),
        ):
            covered, absent = [], []
            for share in SHARES:
                a, b = share * up_share, share * (1 - up_share)
                truth = 0.11 * a - 0.32 * b if "utility" in name else a if "`changes`" in name else a - b
                truth = a / share if "sign" in name else (a / b if b else inf) if "ratio" in name else truth
                mass = {
                    (u, d): comb(N, u) * comb(N - u, d) * a**u * b**d * (1 - share) ** (N - u - d)
                    for u, d in found
                }
                covered.append(sum(p for at, p in mass.items() if held(found[at][name], truth)))
                absent.append(sum(p for at, p in mass.items() if isinstance(found[at][name], NotEstimable)))
            none = (
                f"not estimable in {max(absent):.0%} to {min(absent):.0%} (nobody changed)"
                if max(absent)
                else ""
            )
            rows.append((name, direction, covered, none))
    return rows


def designs() -> list[Row]:
    """Count every outcome of designs with at most 17 patients, by true response rate."""
    rule, error = design.two_stage(0, 9, 2, N, 0.05, 0.25), design.as_rating_error(0.05)
    rows: list[Row] = []
    for name, ends in {
        "response rate, `proportion` and the primary endpoint": lambda x: design.proportion(x, N).ci,
        '`proportion(conf_type="mid-p")`': lambda x: design.proportion(x, N, conf_type="mid-p").ci,
        '`proportion(conf_type="blaker")`': lambda x: design.proportion(x, N, conf_type="blaker").ci,
        "credible interval of `posterior`, Jeffreys' prior": lambda x: design.posterior(x, N).ci,
        "`correct_for_rating`, 5 % falsely improved": lambda x: design.correct_for_rating(x, N, error).ci,
    }.items():
        found = [ends(x) for x in range(N + 1)]
        rated = name.startswith("`correct")
        shares = [float(error.observed(p)) if rated else p for p in SHARES]
        covered = [
            sum(comb(N, x) * q**x * (1 - q) ** (N - x) for x in range(N + 1) if held(found[x], p))
            for p, q in zip(SHARES, shares, strict=True)
        ]
        rows.append((name, "one stage of 17", covered, ""))
    for n in (15, N):
        after = {
            (a, b): design.after_two_stage(rule, a + b, n_observed=n if a else 9, responses_first=a)
            for a in range(10)
            for b in range(n - 8 if a else 1)
        }
        for name, same in (("`after_two_stage`", False), ("`after_two_stage`, `ci_same_tail`", True)):
            covered = [
                sum(
                    comb(9, a)
                    * p**a
                    * (1 - p) ** (9 - a)
                    * (comb(n - 9, b) * p**b * (1 - p) ** (n - 9 - b) if a else 1)
                    for (a, b), one in after.items()
                    if held(one.ci_same_tail if same else one.ci, p)
                )
                for p in SHARES
            ]
            rows.append((name, f"stops at 0 of 9, else {n} seen of 17", covered, ""))
    return rows


def two_arms() -> list[Row]:
    """Simulate trials of 17 patients an arm whose grades shift by a common odds ratio of 1, 2 and 4."""
    covered: dict[str, list[float]] = {}
    utilities = np.array(shift.UTILITY_WEIGHTS["uw-mrs"])
    for odds in (1.0, 2.0, 4.0):
        rng, better = np.random.default_rng(int(odds)), shift.shift_distribution(P, odds)
        counts = np.stack([rng.multinomial(N, better, TRIALS), rng.multinomial(N, P, TRIALS)], axis=1)
        many = shift.common_odds_ratios(counts, score=True)
        net = float(better @ (1 - np.cumsum(P)) - P @ (1 - np.cumsum(better)))
        gain, log = float((better - P) @ utilities), np.log(odds)
        hits = {
            "common odds ratio, profile": (many.profile_lower <= log) & (log <= many.profile_upper),
            "common odds ratio, score": (many.score_lower <= log) & (log <= many.score_upper),
            "win odds and net benefit, `win_statistics`": [
                held(triple(shift.win_statistics(counts=pair).net_benefit), net) for pair in counts
            ],
            "difference of utility, `utility_difference`": [
                held(shift.utility_difference(counts=pair).ci, gain) for pair in counts
            ],
        }
        for name, hit in hits.items():
            covered.setdefault(name, []).append(float(np.mean(hit)))
    return [(name, "two arms of 17", values, "") for name, values in covered.items()]


def proportional_odds() -> list[Row]:
    """Simulate how often the test of proportional odds rejects a true null at 5 %."""
    rows: list[Row] = []
    for n in (8, 17):
        sizes: dict[str, list[float]] = {}
        for odds in (1.0, 2.0, 4.0):
            rng, better = np.random.default_rng(int(10 * n + odds)), shift.shift_distribution(P, odds)
            counts = np.stack([rng.multinomial(n, better, 2000), rng.multinomial(n, P, 2000)], axis=1)
            found = [shift.common_odds_ratio(counts=pair) for pair in counts]
            for name in ("po_p_value", "po_p_value_bootstrap"):
                sizes.setdefault(name, []).append(
                    float(np.mean([getattr(one, name) < 0.05 for one in found]))
                )
        rows += [(f"`{name}`", f"two arms of {n}", values, "error 0.005") for name, values in sizes.items()]
    return rows


def table(title: str, heads: list[str], rows: list[Row]) -> str:
    """Write rows as a Markdown table."""
    lines = [
        "| " + " | ".join(["interval", "setting", *heads, "note"]) + " |",
        "|---" * (len(heads) + 3) + "|",
    ]
    for name, setting, values, text in rows:
        lines.append("| " + " | ".join([name, setting, *(f"{v:.3f}" for v in values), text]) + " |")
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    words = (
        "How often a 95 % interval holds the truth with 17 patients; NotEstimable counts as not covering.\n"
        "Made by `analyses/11_coverage_at_seventeen.py`. A function with a column below 0.94 says so.\n"
    )
    page = [
        f"# Coverage with 17 patients\n\n{words}",
        table("Designs, by true response rate (exact)", [str(s) for s in SHARES], designs()),
        table("One arm, by share of patients who change (exact)", [str(s) for s in SHARES], one_arm()),
        table("Two arms, by common odds ratio (simulated)", ["1", "2", "4"], two_arms()),
        table(
            "Proportional odds: true nulls rejected, by common odds ratio",
            ["1", "2", "4"],
            proportional_odds(),
        ),
    ]
    target = Path("docs/coverage.md")
    _, heading, picture = target.read_text().partition("## Between the columns")
    target.write_text("\n".join([*page, heading + picture]))


if __name__ == "__main__":
    main()
