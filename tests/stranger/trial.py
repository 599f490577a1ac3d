"""Eight patients of the hand trial; what follows for each is said beside it."""

import csv
import datetime as dt
import re
from pathlib import Path

PROTOCOL = Path(__file__).parent / "hand.toml"
DAY_1 = dt.date(2024, 3, 4)
PATIENTS = {
    # baseline and week 12 scores, cycles of the two drugs, what is special
    "H1": (4.0, 5.0, 3, 3, "improved by one point"),
    "H2": (4.0, 4.5, 3, 3, "half a point better: stable"),
    "H3": (4.0, 2.5, 3, 3, "deteriorated"),
    "H4": (3.5, 6.0, 2, 3, "improved, one cycle of the first drug missing: stopped"),
    "H5": (3.5, 6.0, 3, 3, "improved, rescue before week 12"),
    "H6": (2.0, None, 3, 3, "died on day 60"),
    "H7": (2.0, None, 3, 3, "no rating at week 12"),
    "H8": (7.0, 8.0, 3, 6, "improved, though the score at screening was over 6"),
}


def on(day):
    """Give the date of a study day."""
    return (DAY_1 + dt.timedelta(days=day - 1)).isoformat()


def tables():
    """Give the text of every table as a site would type it."""
    screening = [
        "patient_id,site,screening_date,consent_date,enrolment_date,age,sex,weight_kg,height_cm,thrombophilia"
    ]
    infusions = ["patient_id,cycle,date,drug,dose_g,weight_kg"]
    scales = ["patient_id,date,scale,score"]
    follow_up = ["patient_id,last_contact_date,status,death_date,death_cause"]
    for name, (start, later, first, second, _) in PATIENTS.items():
        screening.append(f"{name},S1,2024-02-26,2024-02-26,2024-03-01,60,female,80,180,no")
        scales.append(f"{name},2024-02-26,hand function,{start}")
        starts = [1 + 21 * cycle for cycle in range(6)]
        # 2 m2: 0.375 x 2 = 0.75 g
        infusions += [f"{name},{k + 1},{on(starts[k])},,0.75,80" for k in range(first)]
        infusions += [
            f"{name},{k + 1},{on(starts[k] + day)},betacort,0.5," for k in range(second) for day in range(3)
        ]
        if later is not None:
            scales.append(f"{name},{on(85)},Hand function,{later}")
        dead = name == "H6"
        follow_up.append(
            f"{name},{on(60 if dead else 200)},{'dead' if dead else 'alive'},{on(60) if dead else ''},"
        )
    scales += [f"H1,{on(45 + 28)},Hand function,5.5", f"H2,{on(45 + 21)},Hand function,4.5"]
    medications = [
        "patient_id,medication,atc,indication,start_date,stop_date",
        f"H5,rituximab,,pns,{on(70)},",
        f"H1,betacort,,,{on(1)},{on(3)}",
        f"H2,alphamab,,trial,{on(1)},{on(1)}",
    ]
    events = [
        "patient_id,term,start_date,end_date,grade,serious,related,action",
        f"H4,headache,{on(20)},{on(22)},2,no,yes,stopped",
        f"H2,headache,{on(30)},{on(31)},1,no,no,none",
    ]
    return {
        "screening": screening, "infusions": infusions, "scales": scales, "follow_up": follow_up,
        "medications": medications, "adverse_events": events,
    }  # fmt: skip


def write(folder):
    """Write the tables into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in tables().items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def table(report, title):
    """Give the rows of the table of a title, out of the folder of a report."""
    page = (report / "report.html").read_text()
    number = re.search(rf"(?:Table|Listing) ([\d.]+)\. {re.escape(title)}<", page)[1]
    with (report / "tables" / f"{number}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
