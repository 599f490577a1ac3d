"""Random tables of a trial of any drugs and scales, with edges in days, doses, weights, ratings and medications."""

import datetime as dt
import random


def folder(plan, seed, n=60):
    """Give the text of every table for a plan, as `regimen_second.load_plan` reads it."""
    draw = random.Random(seed)
    drugs, scales = plan["treatment"]["drugs"], plan["scales"]
    screening = ["patient_id,screening_date,consent_date,enrolment_date,age,sex,weight_kg,height_cm,mrs"]
    infusions = ["patient_id,cycle,date,drug,dose_g,weight_kg"]
    mrs, scores = ["patient_id,date,mrs,visit,rater"], ["patient_id,date,scale,score"]
    medications = ["patient_id,medication,atc,indication,start_date,stop_date"]
    follow_up = ["patient_id,last_contact_date,status,death_date,death_cause"]
    for k in range(n):
        who = f"R{k:03d}"
        screened = dt.date(2024, 1, 1) + dt.timedelta(days=draw.randrange(200))
        start = screened + dt.timedelta(days=draw.randrange(1, 14))
        enrolled = draw.random() < 0.9
        weight, height = draw.choice(["70", "82.5", "", "300"]), draw.choice(["175", "160", ""])
        grade = draw.choice(["2", "3", "3", ""])
        enrolment = (start - dt.timedelta(days=1)).isoformat() if enrolled else ""
        screening.append(f"{who},{screened},{screened},{enrolment},60,female,{weight},{height},{grade}")
        death = start + dt.timedelta(days=draw.randrange(20, 200)) if draw.random() < 0.15 else None
        latest = start
        if enrolled and draw.random() < 0.95:
            for drug in drugs:
                day = start
                for cycle in range(1, draw.choice([drug["cycles"]] * 3 + list(range(drug["cycles"]))) + 1):
                    if draw.random() < 0.05:
                        continue
                    days = draw.choice([drug["infusion_days"]] * 4 + [drug["infusion_days"] + 1])
                    stated = (
                        drug.get("dose_g")
                        or 70 * drug.get("dose_g_per_kg", 0)
                        or 2 * drug.get("dose_g_per_m2", 1)
                    )
                    for i in range(days):
                        date = day + dt.timedelta(days=i)
                        if death and date > death:
                            continue
                        grams = round(stated * draw.choice([1, 1, 1, 0.9, 0.85, 1.1]) / days, 4)
                        word = draw.choice([drug["name"], drug["name"].upper()])
                        word = "" if drug is drugs[0] and draw.random() < 0.5 else word
                        latest = max(latest, date)
                        own = "70" if draw.random() < 0.3 and date.toordinal() % 3 == 0 else ""
                        infusions.append(f"{who},{cycle},{date},{word},{grams},{own}")
                    day += dt.timedelta(days=drug["cycle_days"] + draw.choice([0, 0, 0, 7, 8, -7, 1]))
        for name, scale in scales.items():
            days = [start + dt.timedelta(days=d) for d in draw.sample(range(1, 200), draw.choice([2, 8]))]
            days += [latest + dt.timedelta(days=draw.choice([13, 14, 28, 41, 42, 43]))]
            for day in [screened, *sorted({*days} - {screened})]:
                if (death and day > death) or draw.random() < 0.2:
                    continue
                if name == "mRS":
                    mrs.append(f"{who},{day},{draw.randrange(1, 6)},,A")
                    continue
                step = scale.get("step", 1)
                low, high = scale.get("lowest", -3), scale.get("highest", 6)
                scores.append(
                    f"{who},{day},{name},{low + step * draw.randrange(int((high - low) / step) + 1):g}"
                )
        for _ in range(draw.choice([0, 0, 1, 2])):
            day = start + dt.timedelta(days=draw.choice([-5, 0, 1, 30, 56, 84, 90]))
            day = latest + dt.timedelta(days=draw.choice([27, 28, 29])) if draw.random() < 0.4 else day
            if death and day > death:
                continue
            names = [
                *(d["name"] for d in drugs),
                "rituximab",
                "prednisone",
                "paracetamol",
                "nivolumab",
                "tysabri",
            ]
            word = draw.choice(["pns", "", "trial", "tumour"])
            medications.append(f"{who},{draw.choice(names)},,{word},{day},")
        last = death or start + dt.timedelta(days=230)
        follow_up.append(f"{who},{last},{'dead' if death else 'alive'},{death or ''},")
    tables = {
        "screening": screening, "infusions": infusions, "mrs": mrs, "scales": scores, "medications": medications,
        "follow_up": follow_up,
    }  # fmt: skip
    if "mRS" not in scales:
        del tables["mrs"]
        tables["screening"] = [",".join(line.split(",")[:-1]) for line in screening]
    if set(scales) == {"mRS"}:
        del tables["scales"]
    return {f"{name}.csv": "\n".join(lines) + "\n" for name, lines in tables.items()}
