"""Do the infusions agree with themselves and with the dose that is planned?

Input: the joined tables of a folder.
Output: findings on days, doses, cycles and weights of the infusions.
Protocol section: treatment (doses and names of the drugs alone).
Method: a day's dose over 1.1 times a whole cycle's looks like a slip of the unit; weight is one per patient and day.
Next: `consistency`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.data.folder import Folder, at_positions
from pnstrial.regimen import DAILY_SLIP, body_surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.data.allowed import DoseLimit

__all__ = [
    "cycle_order",
    "dose_slips",
    "infusion_dates",
    "infusions_twice",
    "suspected_height",
    "suspected_weight",
    "weights_of_a_day",
]


def suspected_height(height: Any) -> Any:
    """Tell which heights (cm) look like a unit slip and are not used: over 230 or under 100."""
    return (height < 100) | (height > 230)


def suspected_weight(weight: Any) -> Any:
    """Tell which weights (kg) look like a unit slip and are not used: over 250 or under 25."""
    return (weight > 250) | (weight < 25)


def infusions_twice(folder: Folder) -> None:
    """Look for two rows of one drug on a day."""
    infusions = folder.infusions()
    whole = infusions[["patient_id", "date", "drug"]].notna().all(axis=1)
    several = len(folder.allowed.drugs) > 1
    folder.report(
        "infusions",
        infusions.duplicated(["patient_id", "date", "drug"]) & whole,
        "date",
        f"a patient has one infusion row a day{' and drug' * several}",
        "error",
        f"add the doses up in one row, or correct the date{' or the drug' * several}",
    )


def weights_of_a_day(folder: Folder) -> None:
    """Look for two weights of a patient on a day: there is one, for all drugs."""
    infusions = folder.infusions()
    used = infusions["patient_id"].notna() & infusions["date"].notna() & infusions["weight_kg"].notna()
    rows = infusions[used & (infusions["dose_g"] > 0)]
    first = rows.groupby(["patient_id", "date"])["weight_kg"].transform("first")
    folder.report(
        "infusions",
        at_positions(rows.loc[rows["weight_kg"] != first, "position"], len(infusions)),
        "weight_kg",
        "a patient has one weight a day, for every drug; the first is used",
        "warning",
        "keep the right one",
    )


def _most_a_day(limit: DoseLimit, weight: NDArray[Any], height: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Give the most that is expected of a drug in a day for each row, and say it; nan where it is not known."""
    if limit.g_per_kg is not None:
        most = DAILY_SLIP * limit.g_per_kg
        return most * np.where(suspected_weight(weight), np.nan, weight), f"{most:g} g/kg"
    if limit.g is not None:
        most = DAILY_SLIP * limit.g
        return np.full(len(weight), most), f"{most:g} g"
    if limit.g_per_m2 is None:
        return np.full(len(weight), np.nan), ""
    most = DAILY_SLIP * limit.g_per_m2
    usable = ~(suspected_weight(weight) | np.isnan(weight) | np.isnan(height))
    method: Any = limit.body_surface
    surface = [
        body_surface(float(kg), float(cm), method) if use else np.nan
        for kg, cm, use in zip(weight, height, usable, strict=True)
    ]
    return most * np.array(surface, dtype=float), f"{most:g} g/m2"


def dose_slips(folder: Folder) -> None:
    """Look for doses of a day that are larger than a whole cycle's."""
    infusions = folder.infusions()
    screening = folder.screening
    own = infusions["weight_kg"].where(infusions["dose_g"] > 0)
    own = own.fillna(own.groupby([infusions["patient_id"], infusions["date"]]).transform("first"))
    own = infusions["weight_kg"].fillna(own).to_numpy(dtype=float)
    at_screening = infusions["patient_id"].map(screening["weight_kg"]).to_numpy(dtype=float)
    height = infusions["patient_id"].map(screening["height_cm"]).to_numpy(dtype=float)
    weight = np.where(np.isnan(own), at_screening, own)
    for limit in folder.allowed.drugs:
        most, words = _most_a_day(limit, weight, height)
        with np.errstate(invalid="ignore"):
            high = infusions["dose_g"].to_numpy() > most + 1e-9
        folder.report(
            "infusions",
            high & (infusions["drug"] == limit.drug).to_numpy(),
            "dose_g",
            f"a day's dose is expected up to {words}",
            "warning",
            "check that the dose is in g" + " and the weight in kg" * (limit.g is None),
        )


def infusion_dates(folder: Folder) -> None:
    """Compare infusions with consent, enrolment and screening."""
    infusions = folder.frame("infusions")
    given = infusions["dose_g"] > 0
    consent = folder.of_patient(folder.screening, "infusions", "consent_date")
    enrolment = folder.of_patient(folder.screening, "infusions", "enrolment_date")
    folder.report(
        "infusions",
        given & ((infusions["date"] < consent) | (infusions["date"] < enrolment)),
        "date",
        "an infusion is expected on or after consent and enrolment",
        "warning",
        "correct this date, or consent_date or enrolment_date in screening.csv",
    )
    first = infusions["date"].where(given).groupby(infusions["patient_id"]).transform("min")
    screened = folder.of_patient(folder.screening, "infusions", "screening_date")
    late = given & (infusions["date"] == first) & ((infusions["date"] - screened) > pd.Timedelta(days=28))
    once = late & ~infusions["patient_id"].where(late).duplicated()
    folder.report(
        "infusions",
        once,
        "date",
        "the first infusion is expected within 28 days of screening",
        "warning",
        "check the dates, or explain the delay",
    )
    folder.report(
        "infusions",
        infusions["dose_g"] == 0,
        "dose_g",
        "a dose of 0 means planned, not given; the row counts for nothing else",
        "warning",
        "leave it if nothing was given that day",
    )


def cycle_order(folder: Folder) -> None:
    """Check order and weights of the cycles of each patient and drug, over rows with a dose."""
    infusions = folder.infusions()
    whole = infusions[["patient_id", "date", "cycle"]].notna().all(axis=1) & (infusions["dose_g"] > 0)
    given = infusions[whole].sort_values(["patient_id", "date", "position"], kind="stable")
    before = given.groupby(["patient_id", "drug"])["cycle"].shift()
    folder.report(
        "infusions",
        at_positions(given.loc[given["cycle"] < before, "position"], len(infusions)),
        "cycle",
        "cycle numbers are expected to rise with time",
        "warning",
        "correct the cycle or the date",
    )
    usable = given["weight_kg"].notna() & ~suspected_weight(given["weight_kg"].to_numpy())
    weighed = given[usable].drop_duplicates(["patient_id", "drug", "cycle"])
    weighed = weighed.sort_values(["patient_id", "drug", "cycle"])
    previous = weighed.groupby(["patient_id", "drug"])["weight_kg"].shift()
    change = (weighed["weight_kg"] - previous).abs() / previous
    changed = weighed[change > 0.10 + 1e-9].drop_duplicates(["patient_id", "date"])
    folder.report(
        "infusions",
        at_positions(changed["position"], len(infusions)),
        "weight_kg",
        "a weight is expected within 10 % of the previous cycle's",
        "warning",
        "check both weights",
    )
