"""Single mutations of a trial folder: what each must be reported as, and those that must change nothing.

A ``Mutation`` turns the rows of a folder into the texts (or bytes) of its files and says which finding it
must bring, as a ``Finding`` of the second implementation.
"""

from __future__ import annotations

import copy
import csv
import datetime as dt
import io
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from . import folders
from .findings_second import COLUMNS, NEEDED, Finding

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = dt.timedelta(days=1)
NA = "*"

BAD_DATES = (
    "05/03/2014", "2014-3-5", "2014-03-5", "20140305", "2014-02-30", "2015-02-29", "2014-04-31", "2014-13-01", "2014-00-10",
    "2014-03-00", "2014-03-05T00:00:00", "2014-03-05 00:00:00", "5 Mar 2014", "41703", "2014-W10-3", "2014-064", "0000-01-01",
    "14-03-05", "2014/03/05", "2014.03.05", "NA", "nan", "NaT", "unknown", "2014‑03‑05", "２０１４-03-05", "2014-03-05Z", "-2014-03-05",
    "2014-03-32", "03-2014", "?", "None", "today", "2014--03-05", "2014-03-05;2014-03-06", "2014 -03-05", "12014-03-05", "9999-99-99",
)  # fmt: skip
PARTIAL = ("2014", "2014-03")
OTHER_NAMES = {
    "weight_kg": ("weight", "Weight"),
    "creatinine_umol_l": ("creatinine", "Creatinine"),
    "iga_deficiency": ("IgA",),
    "enrolment_date": ("enrollment_date", "date_enrolled"),
}
CONTROL = ("a\x07b", "a\tb", "x\x7fy", "x\x85y", "x\ufffey", "\uffff", "a\x1fb")
BAD_NUMBERS = (
    "70,5", "1,200", "24 g", "nan", "NaN", "2e1", "2E1", "3_0", "inf", "-inf", "Infinity", "NA", "N/A", "None", "null", "70.5kg", "<20", "~3",
    "?", "-", "1.2.3", "1 000", "٣", "３", "²", "0x10", "True", "50%", "3/2", "--3", "1'000", "3..0", "three", "3;4", "#REF!", "1e-1", "3,0", "2-3", "½", "+-3", "-0", "-0.0", "-00.00",
)  # fmt: skip
OUT_OF_RANGE = {
    ("screening", "age"): ("-1", "121", "45.5", "60.01", "1000"),
    ("screening", "weight_kg"): ("0", "-70", "0.0", "-0.1"),
    ("screening", "height_cm"): ("0", "-170", "0.00"),
    ("screening", "creatinine_umol_l"): ("0", "-80"),
    ("screening", "cancer_search_years"): ("-1", "-0.5"),
    ("screening", "mrs"): ("7", "-1", "2.5", "10", "3.01"),
    ("infusions", "cycle"): ("0", "7", "1.5", "-1", "10"),
    ("infusions", "dose_g"): ("-1", "-0.5", "-25"),
    ("infusions", "weight_kg"): ("0", "-65"),
    ("mrs", "mrs"): ("7", "-1", "2.5", "9", "0.5", "33"),
    ("adverse_events", "grade"): ("0", "6", "1.5", "-1"),
}
UNKNOWN_WORDS = {
    "sex": ("F", "M", "woman", "1", "homme", "femal"),
    "pns_phenotype": ("hi", "yes", "intermediat", "3"),
    "cancer_relation": ("no", "inconsistent", "consistant", "4"),
    "pns_level": ("certain", "Definite PNS", "definit", "yes"),
    "yes_no": ("y", "n", "oui", "1", "0", "true", "yes!", "no no", "NA", "unknown"),
    "antibodies": (
        "Hue",
        "anti-Hu",
        "Hu,Yo",
        "Hu/Yo",
        "none;Hu",
        "Hu;none",
        "None ; Yo",
        "ANNA-1",
        "Hu Yo",
        "CV3",
        "positive",
        "Hu;XX",
        "CV2/CRMP",
        "neg",
    ),
    "indication": ("PNS treatment", "cancer", "tumor", "premed", "trials"),
    "action": ("stop", "interrupted?", "reduced", "non"),
    "status": ("deceased", "Dead?", "lost to follow-up", "vivant"),
    "death_cause": ("tumor", "cancer", "neuro", "unknown"),
    "scale": ("Bartel", "ICAR", "mRS", "SARA", "Barthel index"),
}


@dataclass(frozen=True)
class Mutation:
    """One change of a folder and what must be said of it."""

    name: str
    texts: Callable[[], dict]
    expected: Finding | None = None
    keeps_lines: bool = True

    def __str__(self):
        return self.name


def load(path):
    """Rows of a folder on disk."""
    return {
        p.name: list(csv.DictReader(io.StringIO(p.read_text(encoding="utf-8-sig"), newline="")))
        for p in sorted(Path(path).glob("*.csv"))
    }


class Maker:
    """Gathers the mutations of one folder."""

    def __init__(self, key, folder):
        self.key, self.folder, self.made = key, folder, []

    def add(self, name, texts, expected=None, **more):
        self.made.append(Mutation(f"{self.key}: {name}", texts, expected, **more))

    def edit(self, name, changes, where, severity, rule, *, drop=None, append=None):
        """Change cells {(table, index): {column: value}}, leave rows out, append rows; expect a finding."""
        folder = self.folder

        def texts():
            rows = copy.deepcopy(folder)
            for (table, index), cells in changes.items():
                rows[table + ".csv"][index].update(cells)
            for table, new in (append or {}).items():
                rows[table + ".csv"] += new
            for table, gone in (drop or {}).items():
                rows[table + ".csv"] = [r for i, r in enumerate(rows[table + ".csv"]) if i not in gone]
            return folders.as_texts(rows)

        table, index, columns = where
        lines = tuple(
            i + 2 if isinstance(i, int) else i for i in (index if isinstance(index, tuple) else (index,))
        )
        row = None
        if isinstance(index, int):
            have = folder[table + ".csv"]
            row = have[index] if index < len(have) else append[table][index - len(have)]
        patient = (
            NA if row is None else {**row, **changes.get((table, index), {})}["patient_id"].strip() or None
        )
        file = table if table == "*" else table + ".csv"
        self.add(name, texts, Finding(file, lines, patient, columns, severity, rule))

    def cell(self, table, index, column, value, severity="error", rule="cell"):
        old = self.folder[table + ".csv"][index].get(column, "")
        self.edit(
            f"{table}[{index + 2}].{column}: {old!r} -> {value!r}",
            {(table, index): {column: value}},
            (table, index, (column,)),
            severity,
            rule,
        )

    def index(self, table, **wanted):
        """Index of the first row with these cells; a callable tests the cell."""
        return self.indices(table, **wanted)[0]

    def indices(self, table, **wanted):
        def fits(row):
            return all(w(row[c]) if callable(w) else row[c] == w for c, w in wanted.items())

        return [i for i, row in enumerate(self.folder[table + ".csv"]) if fits(row)]

    def row(self, table, index):
        return self.folder[table + ".csv"][index]

    def raw(self, name, file, change, expected):
        """Change the text of one file as a whole; ``change`` gets its lines."""
        folder = self.folder

        def texts():
            out = folders.as_texts(folder)
            out[file] = change(out[file])
            return out

        self.add(name, texts, expected)


def cell_mutations(make, rng, every):
    """Bad cells of every column: each ``every``-th of all that there are."""
    todo = []
    for table, columns in COLUMNS.items():
        rows = range(len(make.folder[table + ".csv"]))
        for column, (required, kind, allowed) in columns.items():
            bad = []
            if kind == "date":
                bad = [*BAD_DATES, *PARTIAL]
            elif kind == "partial":
                bad = [
                    *list(BAD_DATES),
                    "2014-3",
                    "2014-13",
                    "2014-00",
                    "14",
                    "2014-",
                    "201",
                    "20140",
                    "0000",
                    "2014-03-",
                ]
            elif kind == "number":
                bad = [*BAD_NUMBERS, *OUT_OF_RANGE.get((table, column), ())]
            elif kind == "word":
                key = "yes_no" if allowed == ("yes", "no") else column
                bad = list(UNKNOWN_WORDS[key])
            elif kind == "antibodies":
                bad = list(UNKNOWN_WORDS["antibodies"])
            elif kind == "text":
                bad = list(CONTROL)
            if required:
                bad += ["", "   "]
            todo += [(table, rng.choice(rows), column, value) for value in bad]
    for table, index, column, value in todo[rng.randrange(every) :: every]:
        make.cell(table, index, column, value)
    for value in ("Cerebellar ataxia", "limbic encephalitis", "none", "LEMS?"):
        make.cell(
            "screening",
            rng.choice(range(len(make.folder["screening.csv"]))),
            "syndrome",
            value,
            "warning",
            "no such syndrome",
        )
    by_scale = {
        "Barthel": ("-1", "101", "100.5"),
        "ICARS": ("-5", "101", "1000"),
        "ONLS": ("13", "-1", "12.1", "50"),
    }
    for scale, scores in by_scale.items():
        for k, score in enumerate(scores):
            make.cell("scales", make.indices("scales", scale=scale)[k], "score", score)


def file_mutations(make):
    """Files that cannot be read as they are."""
    for table, columns in COLUMNS.items():
        file = table + ".csv"
        width = len(folders.HEADERS[file])

        def at(line, column=NA, severity="error", rule="file", file=file):
            return Finding(
                file,
                (line,) if line != NA else (NA,),
                NA,
                (column,) if isinstance(column, str | None) else column,
                severity,
                rule,
            )

        def bad_bytes(text, encoding="latin-1"):
            lines = text.split("\n")
            cells = lines[3].split(",")
            lines[3] = ",".join([*cells[:-1], "é"])
            return "\n".join(lines).encode(encoding, "replace")

        def lined(change):
            def run(text, change=change):
                lines = text.split("\n")
                change(lines)
                return "\n".join(lines)

            return run

        make.raw(
            f"{file}: Latin-1 byte in line 4",
            file,
            bad_bytes,
            Finding(file, (1, 2, 3, 4, None), NA, (NA,), "error", "not UTF-8"),
        )
        make.raw(f"{file}: UTF-16", file, lambda t: t.encode("utf-16"), at(NA))
        make.raw(f"{file}: UTF-16 without mark", file, lambda t: t.encode("utf-16-le"), at(NA))
        make.raw(f"{file}: semicolons", file, lambda t: t.replace(";", "+").replace(",", ";"), at(1))
        make.raw(f"{file}: tabs", file, lambda t: t.replace(",", "\t"), at(1))
        make.raw(f"{file}: bars", file, lambda t: t.replace(",", "|"), at(1))
        make.raw(f"{file}: NUL in line 3", file, lined(lambda x: x.__setitem__(2, x[2] + "\0")), at(3))
        make.raw(
            f"{file}: a cell too many in line 3", file, lined(lambda x: x.__setitem__(2, x[2] + ",9")), at(3)
        )
        make.raw(
            f"{file}: a blank cell too many in line 2",
            file,
            lined(lambda x: x.__setitem__(1, x[1] + ",")),
            at(2),
        )
        make.raw(
            f"{file}: a cell too few in line 4",
            file,
            lined(lambda x: x.__setitem__(3, x[3].rpartition(",")[0] if '"' not in x[3] else "x")),
            at(4),
        )
        make.raw(f"{file}: one cell alone as line 3", file, lined(lambda x: x.insert(2, "total")), at(3))
        make.raw(
            f"{file}: unclosed quote in the last line",
            file,
            lambda t: t.rstrip("\n").rpartition("\n")[0] + '\n"' + t.rstrip("\n").rpartition("\n")[2],
            Finding(file, (NA,), NA, (NA,), "error", "quotes"),
        )
        make.raw(
            f"{file}: empty", file, lambda t: "", Finding(file, (1, None), NA, (NA,), "error", "no header")
        )
        make.raw(
            f"{file}: blank lines only",
            file,
            lambda t: "\n\n \n",
            Finding(file, (1, None), NA, (NA,), "error", "no header"),
        )
        make.raw(f"{file}: no header row", file, lined(lambda x: x.pop(0)), at(1))
        for k in {0, 1, width - 1}:
            name = folders.HEADERS[file][k]
            make.raw(
                f"{file}: header {name} twice",
                file,
                lined(
                    lambda x, k=k, name=name: (
                        x.__setitem__(0, x[0] + "," + name)
                        or x.__setitem__(slice(1, None), [line + "," if line else line for line in x[1:]])
                    )
                ),
                at(1, (name,)),
            )
            make.raw(
                f"{file}: header {name} twice, once with blanks",
                file,
                lined(
                    lambda x, k=k, name=name: (
                        x.__setitem__(0, x[0] + ", " + name + " ")
                        or x.__setitem__(slice(1, None), [line + "," if line else line for line in x[1:]])
                    )
                ),
                at(1, (name,)),
            )
        for column in NEEDED.get(table, ()):
            if NEEDED[table][column] in {"E5", "E6"}:
                continue
            lost = Finding(file, (1,), None, (column,), "warning", "column absent")
            make.raw(
                f"{file}: needed {column} left out", file, lambda t, c=column: without_column(t, c), lost
            )
            for other in OTHER_NAMES.get(column, ()):
                make.raw(
                    f"{file}: needed {column} called {other}",
                    file,
                    lambda t, c=column, n=other: renamed(t, c, n),
                    lost,
                )
        for column, (required, _, _) in columns.items():
            if required is not False:
                make.raw(
                    f"{file}: {column} left out",
                    file,
                    lambda t, c=column: without_column(t, c),
                    at(1, (column,)),
                )
                make.raw(
                    f"{file}: {column} renamed",
                    file,
                    lambda t, c=column: renamed(t, c, "something else"),
                    at(1, (column,)),
                )
                make.raw(
                    f"{file}: required {column} in capitals",
                    file,
                    lambda t, c=column: renamed(t, c, c.upper()),
                    at(1, (column,)),
                )
            for how, new in misspelt(column):
                if new in columns:
                    continue
                make.raw(
                    f"{file}: header {column} -> {new!r} ({how})",
                    file,
                    lambda t, c=column, n=new: renamed(t, c, n),
                    Finding(file, (1,), NA, (new.strip(), column), "warning", "misspelt header"),
                )
    for table in ("medications", "infusions", "mrs", "follow_up"):
        make.add(
            f"no {table}.csv",
            lambda t=table: {n: x for n, x in folders.as_texts(make.folder).items() if n != t + ".csv"},
            Finding(table + ".csv", (None, 1), NA, (NA,), "warning", "table absent"),
        )


def misspelt(column):
    """Some ways to misspell a header that must be seen."""
    middle = len(column) // 2
    a, b = column[middle - 1 : middle + 1]
    out = [
        ("letter added", column + "s"),
        ("letter left out", column[:-1]),
        ("letter changed", column[:middle] + ("x" if b != "x" else "y") + column[middle + 1 :]),
        ("case", column.capitalize()),
        ("blanks", column.replace("_", " ") if "_" in column else column[:1] + " " + column[1:]),
        ("punctuation", column.replace("_", "-") if "_" in column else column + "."),
    ]
    if a != b and "_" not in (a, b):
        out.append(("letters exchanged", column[: middle - 1] + b + a + column[middle + 1 :]))
    return out


def table_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def text_of(rows, **how):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **{"lineterminator": "\n", **how}).writerows(rows)
    return buffer.getvalue()


def without_column(text, column):
    rows = table_of(text)
    k = rows[0].index(column)
    return text_of([row[:k] + row[k + 1 :] for row in rows])


def renamed(text, column, new):
    rows = table_of(text)
    rows[0][rows[0].index(column)] = new
    return text_of(rows)


def shifted(text, days):
    return (dt.date.fromisoformat(text) + days * DAY).isoformat()


def shared_mutations(make):
    """Patients, times, deaths and duplicates: what holds in any folder with enrolled and other patients."""
    screening, follow = make.folder["screening.csv"], make.folder["follow_up.csv"]
    sizes = {table: len(make.folder[table + ".csv"]) for table in COLUMNS}
    # patients
    for table in COLUMNS:
        k = sizes[table] // 2
        if table != "screening":
            for unknown in (
                "X-99",
                make.row(table, k)["patient_id"].lower(),
                make.row(table, k)["patient_id"] + "0",
                "nan",
            ):
                make.edit(
                    f"{table}: unknown patient {unknown}",
                    {(table, k): {"patient_id": unknown}},
                    (table, k, ("patient_id",)),
                    "error",
                    "unknown patient",
                )
    for k in (0, len(screening) - 1):
        make.edit(
            f"screening row {k} again",
            {},
            ("screening", sizes["screening"], ("patient_id",)),
            "error",
            "patient twice",
            append={"screening": [dict(screening[k])]},
        )
    make.edit(
        "follow-up row again",
        {},
        ("follow_up", sizes["follow_up"], ("patient_id",)),
        "error",
        "patient twice",
        append={"follow_up": [dict(follow[0])]},
    )
    outside = [r["patient_id"] for r in screening if not r["enrolment_date"]]
    inside = [r["patient_id"] for r in screening if r["enrolment_date"]]
    for dose in ("20", "0"):
        row = {"patient_id": outside[0], "cycle": "1", "date": "2015-06-01", "dose_g": dose, "weight_kg": ""}
        make.edit(
            f"infusion of {dose} g of an un-enrolled patient",
            {},
            ("infusions", sizes["infusions"], ("patient_id", "enrolment_date")),
            "error",
            "infusion of un-enrolled",
            append={"infusions": [row]},
        )
    treated = next(r["patient_id"] for r in make.folder["infusions.csv"])
    k, first = make.index("screening", patient_id=treated), make.index("infusions", patient_id=treated)
    make.edit(
        "enrolment of a treated patient taken away",
        {("screening", k): {"enrolment_date": ""}},
        ("infusions", first, ("patient_id", "enrolment_date")),
        "error",
        "infusion of un-enrolled",
    )
    # times
    for table, last in (("medications", "stop_date"), ("adverse_events", "end_date")):
        for k in range(0, sizes[table], max(1, sizes[table] // 4)):
            start = make.row(table, k)["start_date"]
            if start:
                make.cell(table, k, last, shifted(start, -1), rule="stop before start")
                make.cell(table, k, last, shifted(start, -300), rule="stop before start")
    dead = [i for i, r in enumerate(follow) if r["status"] == "dead"]
    alive = [i for i, r in enumerate(follow) if r["status"] == "alive"]
    for k in dead[:2]:
        pid, death = follow[k]["patient_id"], follow[k]["death_date"]
        make.edit(
            "dead without date",
            {("follow_up", k): {"death_date": ""}},
            ("follow_up", k, ("death_date",)),
            "error",
            "dead without date",
        )
        for status in ("alive", "lost", "withdrawn"):
            make.edit(
                f"death date, status {status}",
                {("follow_up", k): {"status": status}},
                ("follow_up", k, ("death_date", "status")),
                "error",
                "death date of a living patient",
            )
        make.cell("follow_up", k, "last_contact_date", shifted(death, 1), rule="after death")
        s = make.index("screening", patient_id=pid)
        make.cell("screening", s, "screening_date", shifted(death, 1), rule="after death")
        new = {
            "mrs": {"patient_id": pid, "date": shifted(death, 1), "mrs": "3", "visit": "", "rater": ""},
            "scales": {"patient_id": pid, "date": shifted(death, 1), "scale": "ONLS", "score": "3"},
            "infusions": {"patient_id": pid, "cycle": "6", "date": shifted(death, 1), "dose_g": "20", "weight_kg": ""},
            "adverse_events": {"patient_id": pid, "term": "fall", "start_date": shifted(death, 1), "end_date": "", "grade": "", "serious": "", "related": "", "action": ""},
            "medications": {"patient_id": pid, "medication": "paracetamol", "atc": "", "indication": "other", "start_date": shifted(death, 1), "stop_date": ""},
        }  # fmt: skip
        for table, row in new.items():
            column = "start_date" if "start_date" in row else "date"
            make.edit(
                f"{table}: a record after the death",
                {},
                (table, sizes[table], (column,)),
                "error",
                "after death",
                append={table: [row]},
            )
        make.edit(
            "infusion of 0 g after the death",
            {},
            ("infusions", sizes["infusions"], ("date",)),
            "error",
            "after death",
            append={"infusions": [{**new["infusions"], "dose_g": "0"}]},
        )
        make.edit(
            "mRS 6 a day before the death",
            {},
            ("mrs", sizes["mrs"], ("mrs",)),
            "error",
            "mRS 6",
            append={"mrs": [{**new["mrs"], "mrs": "6", "date": shifted(death, -1)}]},
        )
        make.edit(
            "mRS 6 a day after the death",
            {},
            ("mrs", sizes["mrs"], ("mrs",)),
            "error",
            "mRS 6",
            append={"mrs": [{**new["mrs"], "mrs": "6"}]},
        )
        for table, last in (("medications", "stop_date"), ("adverse_events", "end_date")):
            row = {**new[table], "start_date": shifted(death, -1), last: shifted(death, 2)}
            make.edit(
                f"{table} closed after the death",
                {},
                (table, sizes[table], (last,)),
                "warning",
                "closed after death",
                append={table: [row]},
            )
    for k in alive[:2]:
        make.edit(
            "dead without date, was alive",
            {("follow_up", k): {"status": "dead"}},
            ("follow_up", k, ("death_date",)),
            "error",
            "dead without date",
        )
        make.edit(
            "death date of a living patient",
            {("follow_up", k): {"death_date": follow[k]["last_contact_date"]}},
            ("follow_up", k, ("death_date", "status")),
            "error",
            "death date of a living patient",
        )
        m = make.index("mrs", patient_id=follow[k]["patient_id"])
        make.cell("mrs", m, "mrs", "6", rule="mRS 6")
        late = {
            "patient_id": follow[k]["patient_id"],
            "date": shifted(follow[k]["last_contact_date"], 1),
            "mrs": "3",
            "visit": "",
            "rater": "",
        }
        make.edit(
            "rating after last contact",
            {},
            ("mrs", sizes["mrs"], ("date",)),
            "warning",
            "rating after last contact",
            append={"mrs": [late]},
        )
        make.edit(
            "no follow-up row",
            {},
            ("*", (make.index("screening", patient_id=follow[k]["patient_id"]), None), (NA,)),
            "warning",
            "enrolled without follow-up",
            drop={"follow_up": {k}},
        )
    make.cell("screening", 0, "mrs", "6", rule="mRS 6")
    # duplicates
    for k in (0, sizes["infusions"] // 2):
        row = make.row("infusions", k)
        make.edit(
            "infusion row again",
            {},
            ("infusions", sizes["infusions"], ("date", "patient_id")),
            "error",
            "infusion day twice",
            append={"infusions": [dict(row)]},
        )
        make.edit(
            "infusion day again, other cycle, 0 g",
            {},
            ("infusions", sizes["infusions"], ("date", "patient_id")),
            "error",
            "infusion day twice",
            append={"infusions": [{**row, "cycle": "6", "dose_g": "0"}]},
        )
    for k in (0, sizes["mrs"] // 2):
        row = make.row("mrs", k)
        other = "1" if row["mrs"] != "1" else "2"
        make.edit(
            "two ratings by one rater",
            {},
            ("mrs", sizes["mrs"], ("mrs", "date", "rater")),
            "error",
            "two ratings by one rater",
            append={"mrs": [{**row, "mrs": other, "visit": ""}]},
        )
        make.edit(
            "rating again",
            {},
            ("mrs", sizes["mrs"], (NA,)),
            "warning",
            "rating entered twice",
            append={"mrs": [{**row, "visit": ""}]},
        )
        make.edit(
            "rating again as decimal",
            {},
            ("mrs", sizes["mrs"], (NA,)),
            "warning",
            "rating entered twice",
            append={"mrs": [{**row, "mrs": row["mrs"] + ".0", "visit": ""}]},
        )
        nobody = [
            {**row, "rater": "", "mrs": row["mrs"], "visit": ""},
            {**row, "rater": "", "mrs": other, "visit": ""},
        ]
        make.edit(
            "two ratings without rater",
            {},
            ("mrs", sizes["mrs"] + 1, ("mrs", "date", "rater")),
            "error",
            "two ratings by one rater",
            append={"mrs": nobody},
        )
    for k in (0, sizes["scales"] // 2):
        row = make.row("scales", k)
        make.edit(
            "score again",
            {},
            ("scales", sizes["scales"], (NA,)),
            "warning",
            "score entered twice",
            append={"scales": [dict(row)]},
        )
        make.edit(
            "score again, other case",
            {},
            ("scales", sizes["scales"], (NA,)),
            "warning",
            "score entered twice",
            append={"scales": [{**row, "scale": row["scale"].upper()}]},
        )
        make.edit(
            "another score",
            {},
            ("scales", sizes["scales"], ("score", "date")),
            "warning",
            "two scores of a scale on a date",
            append={"scales": [{**row, "score": "2" if row["score"] != "2" else "3"}]},
        )
    # unit slips
    for column, values in {
        "creatinine_umol_l": ("1.1", "20", "0.9", "19.99"),
        "height_cm": ("1.70", "99.9", "231", "1700", "66"),
        "weight_kg": ("250.1", "24.9", "700", "1"),
    }.items():
        for n, value in enumerate(values):
            k = n * 3 % sizes["screening"]
            make.cell("screening", k, column, value, "warning", "slip")
    for n, value in enumerate(("260", "24", "650", "0.65")):
        k = [i for i, r in enumerate(make.folder["infusions.csv"]) if r["weight_kg"]][n * 5]
        make.cell("infusions", k, "weight_kg", value, "warning", "slip")
    make.cell("infusions", sizes["infusions"] // 3, "dose_g", "240", "warning", "day's dose")
    for n in (1, 2):
        k = sizes["infusions"] * n // 3
        make.cell("infusions", k, "dose_g", ("0", "0.0")[n - 1], "warning", "dose 0")
    for k in (0, 3, 9):
        if make.row("mrs", k)["mrs"]:
            make.cell("mrs", k, "mrs", "", "warning", "blank mRS")
            make.cell("mrs", k, "mrs", "  ", "warning", "blank mRS")
    # dates
    for n, (column, value) in enumerate(
        (
            ("consent_date", "1994-01-01"),
            ("consent_date", "2041-07-02"),
            ("symptom_onset_date", "1954-06-01"),
            ("symptom_onset_date", "1950"),
            ("symptom_onset_date", "1951-07"),
            ("enrolment_date", "2051-02-03"),
        )
    ):
        k = make.index("screening", patient_id=inside[n])
        make.cell("screening", k, column, value, "warning", "far date")
    for table, column in (
        ("medications", "start_date"),
        ("adverse_events", "end_date"),
        ("mrs", "date"),
        ("scales", "date"),
        ("infusions", "date"),
        ("adverse_events", "start_date"),
        ("medications", "stop_date"),
    ):
        living = [
            i
            for i, r in enumerate(make.folder[table + ".csv"])
            if r["patient_id"] in {follow[a]["patient_id"] for a in alive}
        ]
        for value in ("1999-01-01", "2044-01-01"):
            if (column in {"stop_date", "end_date"}) and value < "2000":
                continue
            if column == "start_date" and value > "2040":
                rows = [
                    i
                    for i in living
                    if not make.row(table, i)["stop_date" if table == "medications" else "end_date"]
                ]
                if not rows:
                    continue
                make.cell(table, rows[0], column, value, "warning", "far date")
            else:
                make.cell(table, living[0], column, value, "warning", "far date")
    for n in range(2):
        k = make.index("screening", patient_id=outside[n])
        day = make.row("screening", k)["screening_date"]
        make.cell("screening", k, "symptom_onset_date", shifted(day, 1), "warning", "onset after screening")
        make.cell(
            "screening", k, "symptom_onset_date", str(int(day[:4]) + 1), "warning", "onset after screening"
        )
        k = make.index("screening", patient_id=inside[n])
        day = make.row("screening", k)["screening_date"]
        make.cell("screening", k, "enrolment_date", shifted(day, -1), "warning", "enrolment before screening")
    k = make.index("screening", patient_id=treated)
    start = min(r["date"] for r in make.folder["infusions.csv"] if r["patient_id"] == treated)
    at_start = make.index("infusions", patient_id=treated, date=start)
    for column in ("consent_date", "enrolment_date"):
        make.edit(
            f"infusion before {column}",
            {("screening", k): {column: shifted(start, 1)}},
            ("infusions", at_start, ("date",)),
            "warning",
            "infusion before consent or enrolment",
        )
    make.edit(
        "over 28 days to the first infusion",
        {("screening", k): {"screening_date": shifted(start, -29)}},
        ("infusions", at_start, ("date",)),
        "warning",
        "over 28 days to first infusion",
    )
    # medications
    base = {
        "patient_id": outside[0],
        "medication": "homéopathie",
        "atc": "",
        "indication": "",
        "start_date": "2015-01-01",
        "stop_date": "",
    }
    screened = make.row("screening", make.index("screening", patient_id=outside[0]))["screening_date"]
    base["start_date"] = shifted(screened, -200)
    base["stop_date"] = shifted(screened, -100)
    cases = [
        ("medication", {}, "no class"),
        ("medication", {"indication": "pns", "medication": "ginkgo biloba"}, "no class"),
        ("medication", {"indication": "pns", "medication": "prednisonelike"}, "no class"),
        (
            "start_date",
            {"medication": "prednisone", "indication": "pns", "start_date": ""},
            "immunotherapy without start",
        ),
        (
            "start_date",
            {"medication": "nivolumab", "indication": "tumour", "start_date": ""},
            "immunotherapy without start",
        ),
        ("indication", {"medication": "rituximab"}, "immunotherapy without indication"),
        ("indication", {"medication": "xyz", "atc": "L04AX01"}, "immunotherapy without indication"),
    ]
    cases += [
        ("atc", {"medication": "paracetamol", "indication": "other", "atc": code}, "malformed ATC")
        for code in (
            "N02BE1",
            "N2BE01",
            "N02 BE01",
            "N02-BE01",
            "02BE01",
            "N02BE011",
            "?",
            "N0",
            "paracetamol",
            "N02BEO1",
        )
    ]
    cases += [
        ("atc", {"medication": "rituximab", "indication": "pns", "atc": code}, "open ATC")
        for code in ("L", "L01", "L01F", "L01X", "l01xc", "H02", "H02A", "J06B", "L01AA", "L01BA", "L01FX")
    ]
    for column, cells, rule in cases:
        make.edit(
            f"medication {cells}",
            {},
            ("medications", sizes["medications"], (column,)),
            "warning",
            rule,
            append={"medications": [{**base, **cells}]},
        )
    own = {
        "patient_id": treated,
        "medication": "IVIg",
        "atc": "",
        "indication": "trial",
        "start_date": start,
        "stop_date": "",
    }
    for cells in (
        {},
        {"indication": "pns"},
        {"atc": "J06BA02", "medication": "Privigen"},
        {"indication": "trial", "start_date": shifted(start, 9)},
    ):
        make.edit(
            f"trial IVIg {cells}",
            {},
            ("medications", sizes["medications"], (NA,)),
            "warning",
            "trial IVIg in medications",
            append={"medications": [{**own, **cells}]},
        )


def clean_mutations(make):
    """What needs a folder in which nothing else is to be said: criteria, cycles, windows."""
    fails = {
        "pns_level": ("probable", "possible", "none"),
        "antibody_serum": (),
        "mrs": ("1", "5", "0"),
        "deterioration_3_weeks": ("no",),
        "ivig_hypersensitivity": ("yes",),
        "iga_deficiency": ("yes", "YES"),
        "thrombophilia": ("yes",),
        "creatinine_umol_l": ("400", "900"),
    }
    enrolled = make.indices("screening", enrolment_date=bool)
    for column, values in fails.items():
        for n, value in enumerate(values):
            k = enrolled[(2 * n + len(column)) % len(enrolled)]
            make.edit(
                f"enrolled though {column} = {value}",
                {("screening", k): {column: value}},
                ("screening", k, (NA,)),
                "warning",
                "criterion fails",
            )
    k = enrolled[3]
    row = make.row("screening", k)
    pid = row["patient_id"]
    make.edit(
        "enrolled though antibodies fail",
        {("screening", k): {"antibody_serum": "Ri", "antibody_csf": "none"}},
        ("screening", k, (NA,)),
        "warning",
        "criterion fails",
    )
    make.edit(
        "enrolled though onset fails",
        {("screening", k): {"symptom_onset_date": shifted(row["screening_date"], -200)}},
        ("screening", k, (NA,)),
        "warning",
        "criterion fails",
    )
    make.edit(
        "enrolled though consent fails",
        {("screening", k): {"consent_date": shifted(row["enrolment_date"], 1)}},
        ("screening", k, (NA,)),
        "warning",
        "criterion fails",
    )
    drug = {
        "patient_id": pid,
        "medication": "prednisone",
        "atc": "",
        "indication": "pns",
        "start_date": shifted(row["screening_date"], -5),
        "stop_date": "",
    }
    make.edit(
        "enrolled though on prednisone",
        {},
        ("screening", k, (NA,)),
        "warning",
        "criterion fails",
        append={"medications": [drug]},
    )
    gone = {i for i in make.indices("mrs", patient_id=pid) if make.row("mrs", i)["visit"] == "Baseline"}
    make.edit(
        "enrolled without baseline",
        {("screening", k): {"mrs": ""}},
        ("*", (k, None), (NA,)),
        "warning",
        "no baseline mRS",
        drop={"mrs": gone},
    )
    six = next(r["patient_id"] for r in make.folder["infusions.csv"] if r["cycle"] == "6")
    for cycle in (1, 3, 6):
        rows = make.indices("infusions", patient_id=six, cycle=str(cycle))
        one = set(rows[1:])
        lines = tuple(rows)
        make.edit(
            f"cycle {cycle} in one day",
            {},
            ("infusions", lines, ("cycle", "date")),
            "warning",
            "days of a cycle",
            drop={"infusions": one},
        )
        more = {
            "patient_id": six,
            "cycle": str(cycle),
            "date": shifted(make.row("infusions", rows[-1])["date"], 1),
            "dose_g": "1",
            "weight_kg": "",
        }
        where = (*lines, len(make.folder["infusions.csv"]))
        make.edit(
            f"cycle {cycle} in six days",
            {},
            ("infusions", where, ("cycle", "date")),
            "warning",
            "days of a cycle",
            append={"infusions": [more]},
        )
    a, b = (
        make.indices("infusions", patient_id=six, cycle="2"),
        make.indices("infusions", patient_id=six, cycle="3"),
    )
    swap = {("infusions", i): {"cycle": "3"} for i in a} | {("infusions", i): {"cycle": "2"} for i in b}
    make.edit(
        "cycles 2 and 3 exchanged", swap, ("infusions", (*a, *b), ("cycle", "date")), "warning", "cycle order"
    )
    for cycle, factor in ((2, "1.3"), (4, "0.7"), (6, "1.15")):
        k = make.index("infusions", patient_id=six, cycle=str(cycle), weight_kg=bool)
        weight = folders.number(Decimal(make.row("infusions", k)["weight_kg"]) * Decimal(factor))
        make.cell("infusions", k, "weight_kg", weight, "warning", "weight change")
    for label in ("Month 3", "Month 6"):
        other = "Month 6" if label == "Month 3" else "Month 3"
        for k in make.indices("mrs", visit=label)[:3]:
            make.edit(
                f"{label} labelled {other}",
                {("mrs", k): {"visit": other}},
                ("mrs", k, ("visit", "date")),
                "warning",
                "label outside window",
            )
            make.edit(
                f"{label} 20 days later",
                {("mrs", k): {"date": shifted(make.row("mrs", k)["date"], 40)}},
                ("mrs", k, ("visit", "date")),
                "warning",
                "label outside window",
            )


# --------------------------------------------------------------------------------------------- harmless


def harmless(key, folder):
    """Changes of the files that change nothing in what they say."""
    make = Maker(key, folder)
    rng = random.Random(99)

    def every(change):
        return lambda: {name: change(name, text) for name, text in folders.as_texts(folder).items()}

    def rows(change):
        return every(lambda name, text: text_of(change(name, table_of(text))))

    def mapped(change):
        def run():
            out = copy.deepcopy(folder)
            for name, table in out.items():
                for row in table:
                    for column in row:
                        row[column] = change(name[:-4], column, row[column])
            return folders.as_texts(out)

        return run

    def kind(table, column):
        return COLUMNS[table][column][1]

    def reorder(name, table, order):
        index = order(list(range(len(table[0]))))
        return [[row[i] for i in index] for row in table]

    def shuffled(items):
        items = list(items)
        random.Random(7).shuffle(items)
        return items

    def extra(position, header, value):
        def change(_name, table):
            return [
                [*row[:position], header if n == 0 else value, *row[position:]] for n, row in enumerate(table)
            ]

        return change

    def free_text(value):
        """Line breaks in the cells that say nothing to the rules."""
        return mapped(
            lambda t, c, v: (
                value(v)
                if (t, c) in {("screening", "site"), ("screening", "cancer"), ("adverse_events", "term")}
                and v
                else v
            )
        )

    make.add("byte order mark", every(lambda n, t: b"\xef\xbb\xbf" + t.encode()))
    for name in folders.as_texts(folder):
        make.add(
            f"byte order mark in {name}",
            every(lambda n, t, name=name: b"\xef\xbb\xbf" + t.encode() if n == name else t),
        )
        make.add(
            f"CRLF in {name}", every(lambda n, t, name=name: t.replace("\n", "\r\n") if n == name else t)
        )
    make.add("CRLF", every(lambda n, t: t.replace("\n", "\r\n")))
    make.add(
        "CRLF and byte order mark", every(lambda n, t: b"\xef\xbb\xbf" + t.replace("\n", "\r\n").encode())
    )
    make.add("no line end at the end", every(lambda n, t: t.rstrip("\n")))
    make.add("everything quoted", every(lambda n, t: text_of(table_of(t), quoting=csv.QUOTE_ALL)))
    make.add(
        "quoted, byte order mark, CRLF",
        every(
            lambda n, t: (
                b"\xef\xbb\xbf" + text_of(table_of(t), quoting=csv.QUOTE_ALL, lineterminator="\r\n").encode()
            )
        ),
    )
    make.add("rows reversed", rows(lambda n, t: [t[0], *t[:0:-1]]), keeps_lines=False)
    make.add("rows shuffled", rows(lambda n, t: [t[0], *shuffled(t[1:])]), keeps_lines=False)
    make.add("rows sorted", rows(lambda n, t: [t[0], *sorted(t[1:])]), keeps_lines=False)
    make.add("columns reversed", rows(lambda n, t: reorder(n, t, lambda i: i[::-1])))
    make.add("columns shuffled", rows(lambda n, t: reorder(n, t, shuffled)))
    for header, value in (
        ("comment", "seen"),
        ("note libre", "a, b"),
        ("source file", "nan"),
        ("unnamed", ""),
        ("Σ", "é\u00a0ß"),
        ("verified_by", 'x "y"'),
        ("42", "1,5"),
        ("notes", "line 1\nline 2"),
    ):
        lines = "\n" not in value
        make.add(f"extra last column {header}", rows(extra(99, header, value)), keeps_lines=lines)
        make.add(f"extra first column {header}", rows(extra(0, header, value)), keeps_lines=lines)
        make.add(f"extra third column {header}", rows(extra(2, header, value)), keeps_lines=lines)
    make.add("blanks around cells", rows(lambda n, t: [[f"  {c} " for c in row] for row in t]))
    make.add("tabs around cells", rows(lambda n, t: [[f"\t{c}\t" for c in row] for row in t]))
    make.add("blanks around header cells", rows(lambda n, t: [[f" {c}  " for c in t[0]], *t[1:]]))
    make.add(
        "blanks inside quotes",
        every(lambda n, t: text_of([[f" {c} " for c in row] for row in table_of(t)], quoting=csv.QUOTE_ALL)),
    )
    make.add("blank lines at the end", every(lambda n, t: t + "\n\n\n"))
    make.add("blank lines at the start", every(lambda n, t: "\n\n" + t), keeps_lines=False)
    make.add("blank lines between", every(lambda n, t: t.replace("\n", "\n\n")), keeps_lines=False)
    make.add("lines of blanks between", every(lambda n, t: t.replace("\n", "\n   \n")), keeps_lines=False)
    make.add(
        "words in capitals",
        mapped(lambda t, c, v: v.upper() if kind(t, c) in {"word", "antibodies"} or c == "atc" else v),
    )
    make.add(
        "words in small letters",
        mapped(lambda t, c, v: v.lower() if kind(t, c) in {"word", "antibodies"} or c == "atc" else v),
    )
    make.add("words capitalised", mapped(lambda t, c, v: v.capitalize() if kind(t, c) == "word" else v))
    make.add(
        "numbers with .0",
        mapped(lambda t, c, v: v + ".0" if kind(t, c) == "number" and v and "." not in v else v),
    )
    make.add(
        "numbers with .000",
        mapped(lambda t, c, v: v + ".000" if kind(t, c) == "number" and v and "." not in v else v),
    )
    make.add(
        "numbers with trailing noughts",
        mapped(lambda t, c, v: v + "00" if kind(t, c) == "number" and "." in v else v),
    )
    make.add(
        "CV2 as CRMP5",
        mapped(
            lambda t, c, v: (
                v.replace("CRMP5", "CV2").replace("CV2", "CRMP5") if kind(t, c) == "antibodies" else v
            )
        ),
    )
    make.add(
        "CV2 as CV2/CRMP5",
        mapped(
            lambda t, c, v: (
                v.replace("CRMP5", "CV2").replace("CV2", "CV2/CRMP5") if kind(t, c) == "antibodies" else v
            )
        ),
    )
    make.add(
        "blanks in joined cells",
        mapped(lambda t, c, v: v.replace(";", " ;  ") if kind(t, c) == "antibodies" else v),
    )
    make.add(
        "antibodies reversed",
        mapped(lambda t, c, v: ";".join(v.split(";")[::-1]) if kind(t, c) == "antibodies" else v),
    )
    make.add("medications in capitals", mapped(lambda t, c, v: v.upper() if c == "medication" else v))
    make.add("line breaks in free text", free_text(lambda v: v + "\nsecond line"), keeps_lines=False)
    make.add("CRLF in free text", free_text(lambda v: v + "\r\nsecond\r\nthird"), keeps_lines=False)
    make.add("quotes and commas in free text", free_text(lambda v: f'"{v}", said, ""'))
    make.add(
        "free text blank",
        free_text(lambda v: "" if v != "x" else v)
        if False
        else mapped(lambda t, c, v: "" if c in {"site", "cancer"} else v),
    )
    make.add(
        "free text like a missing value",
        mapped(
            lambda t, c, v: (
                rng.choice(("NA", "nan", "NULL", "None", "#N/A", "-")) if c in {"site", "cancer"} else v
            )
        ),
    )
    for table, column in (
        ("screening", "site"),
        ("screening", "cancer"),
        ("screening", "height_cm"),
        ("follow_up", "death_cause"),
        ("adverse_events", "grade"),
    ):
        make.add(
            f"no column {column}",
            every(
                lambda n, t, table=table, column=column: (
                    without_column(t, column) if n == table + ".csv" else t
                )
            ),
        )
    make.add(
        "other files beside",
        lambda: {**folders.as_texts(folder), "README.txt": "notes", "notes.md": "x,y\n1", ".hidden": "\0"},
    )
    return make.made


def findings_mutations(key, folder, *, clean, every=1):
    """All mutations of a folder that must be reported."""
    make = Maker(key, folder)
    cell_mutations(make, random.Random(key), every)
    file_mutations(make)
    shared_mutations(make)
    if clean:
        clean_mutations(make)
    return make.made
