"""What the page shows is what the package says; the script beside it gives the same number."""

import datetime as dt
import html
import io
import json
import re
import shlex
import time
import zipfile
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from tests.web.conftest import PAGES
from tests.web.french import cells, untranslated


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_in_both_languages(inside, example, path):
    english = inside.get(path)
    assert inside.post("/language", data={"language": "fr"}).status_code == 200
    french = inside.get(path)
    inside.post("/language", data={"language": "en"})
    assert (english.status_code, french.status_code) == (200, 200)
    assert '<html lang="fr">' in french.text
    assert 'aria-current="page">Essai' in french.text or "/trial" not in path
    assert not untranslated(english.text, french.text, cells(example))
    for text in (english.text, french.text):
        assert "style=" not in text
        assert "onclick" not in text
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


@pytest.mark.parametrize(
    "path",
    ["/trial/figure/primary.svg?missing=LOCF", "/trial/figure/survival.svg", "/trial/figure/patient.svg?id=BOR-01",
     "/design/figure/power.svg?kind=simon", "/design/figure/boundaries.svg"],
)  # fmt: skip
def test_figures_are_files_of_their_own_policy(inside, path):
    answer = inside.get(path)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.content == inside.get(path).content
    assert b"<script" not in answer.content


def numbers_of(text):
    return {float(value) for value in re.findall(r'<data value="([^"]+)"', text)}


def result_of(text, example):
    script = html.unescape(re.search(r'<pre[^>]*-python">(.*?)</pre>', text, re.DOTALL)[1])
    known = {}
    with redirect_stdout(io.StringIO()):
        exec(script.replace('"my-trial"', repr(str(example))), known)  # noqa: S102 - the script of the page
    return script, known["result"]


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    pns.data.write_example(folder)
    return folder


@pytest.mark.parametrize("query", ["", "?missing=LOCF", "?visit=Month+6&death=exclude&missing=exclude"])
def test_the_primary_result_is_that_of_its_script(inside, example, query):
    inside.post("/protocol/choose", data={"protocol": "nct02343211"})
    text = inside.get("/trial/primary" + query).text
    script, result = result_of(text, example)
    assert script.startswith('FOLDER = "my-trial"')
    assert {result.responders, result.n, result.estimate, *result.ci} <= numbers_of(text)


def test_a_changed_protocol_is_in_the_script(inside, example):
    inside.post("/protocol/change", data={"key": "visits.Month 3.last_day", "value": "120"})
    inside.post("/protocol/change", data={"key": "endpoint.null_proportion", "value": "0.1"})
    text = inside.get("/trial/primary?visit=Month+3&missing=non-responder&death=composite").text
    script, result = result_of(text, example)
    assert "with_visit('Month 3'" in script
    assert {result.estimate, result.p_value} <= numbers_of(text)
    saved = pns.protocol.Protocol.from_toml(inside.get("/protocol/my-protocol.toml").text)
    assert saved.visit("Month 3").last_day == 120
    refused = inside.post("/protocol/change", data={"key": "visits.Month 3.last_day", "value": "3"})
    assert refused.status_code == 400
    inside.post("/protocol/choose", data={"protocol": "nct02343211"})


@pytest.mark.parametrize("path", ["/trial/survival", "/trial/shift"])
def test_other_results_are_those_of_their_scripts(inside, example, path):
    text = inside.get(path).text
    _, result = result_of(text, example)
    frame = result.to_frame().select_dtypes("number").astype(float).to_numpy().ravel()
    assert set(frame[~np.isnan(frame)]) <= numbers_of(text)


@pytest.mark.parametrize("query", ["", "?kind=simon&p0=0.05&p1=0.25", "?kind=safety&looks=20"])
def test_a_design_is_that_of_its_script(inside, query):
    text = inside.get("/design" + query).text
    _, result = result_of(text, "")
    frame = result[0].to_frame().select_dtypes("number").astype(float).to_numpy().ravel()
    assert set(frame[~np.isnan(frame)]) <= numbers_of(text)


def test_the_exact_answers_move_with_the_sliders(inside):
    query = "/simulate?scenario=anti-hu&response=0.15&dead=0.3&n=21&missed=0.1&rating=structured"
    text = inside.get(query).text
    _, result = result_of(text, "")
    found = dict(zip(result.to_frame()["quantity"], result.to_frame()["estimate"], strict=True))
    assert {found["probability_of_success"], found["reported_response"], found["dead"]} <= numbers_of(text)
    protocol = pns.load_protocol()
    assert found["probability_of_success"] != pns.exact_characteristics(
        protocol, pns.load_scenario("anti-hu")
    ).answers["probability_of_success"]  # fmt: skip


def test_a_setting_without_effect_is_named(inside):
    text = inside.get("/simulate/notes?scenario=anti-hu-plain&late=0.3&missed=0.2").text
    note = text[text.index("the probability of success cannot feel it") :].partition("</ul>")[0]
    assert "no rate of this course changes" in note
    assert "Late cycles" in note
    assert "Missed visits" not in note
    assert "cannot feel it" not in inside.get("/simulate/notes?scenario=anti-hu-plain&missed=0.2").text


def test_a_run_is_cancelled_at_once_and_its_stream_ends(inside):
    fields = {"scenario": "anti-hu", "trials": "1000000", "seed": "1"}
    assert "data-progress" in inside.post("/simulate/run", data=fields).text
    begun = time.monotonic()
    assert inside.post("/simulate/cancel", follow_redirects=False).status_code == 303
    assert time.monotonic() - begun < 2  # 0.1 s on an idle processor; the run itself takes minutes
    assert json.loads(inside.get("/simulate/progress").text.removeprefix("data: "))["state"] == "cancelled"


def test_what_is_not_read_is_named_and_errors_stop_the_analysis(inside, example):
    broken = (example / "mrs.csv").read_text().replace(",3,", ",9,", 1)
    files = [
        ("files", (path.name, path.read_bytes())) for path in example.glob("*.csv") if path.name != "mrs.csv"
    ]
    files += [("files", ("mrs.csv", broken)), ("files", ("notes.csv", b"x"))]
    text = inside.post("/trial/upload", files=files).text
    assert "notes.csv: not read" in text
    assert 'class="finding error"' in text
    assert inside.get("/trial/primary").status_code == 400
    assert "mrs.csv" in inside.get("/trial/queries.csv").text
    inside.post("/trial/example")
    assert inside.get("/trial/primary").status_code == 200


def test_french_files_are_read_as_declared(inside, example):
    def in_french(path):
        cells = pd.read_csv(path, dtype=str, keep_default_na=False)
        decimals = cells.apply(lambda column: column.str.replace(r"^(\d+)\.(\d+)$", r"\1,\2", regex=True))
        return decimals.to_csv(index=False, sep=";")

    files = [("files", (path.name, in_french(path))) for path in example.glob("*.csv")]
    text = inside.post("/trial/upload", files=files, data={"separator": ";", "decimal": ","}).text
    assert "18 enrolled" in text
    assert "separator=&#39;;&#39;" in text
    inside.post("/trial/example")


def test_a_zip_of_the_folder_is_read(inside, example):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in example.glob("*.csv"):
            archive.write(path, f"my trial/{path.name}")
    assert (
        "18 enrolled" in inside.post("/trial/upload", files={"files": ("trial.zip", buffer.getvalue())}).text
    )
    inside.post("/trial/example")


def test_adam_comes_as_a_zip(inside):
    names = zipfile.ZipFile(io.BytesIO(inside.get("/trial/adam.zip").content)).namelist()
    assert {"adsl.xpt", "adtte.xpt"} <= set(names)


def test_a_session_is_saved_and_opened_again_without_patients(inside):
    inside.get("/simulate?scenario=anti-hu&n=25")
    inside.get("/trial/primary?missing=LOCF")
    inside.post("/protocol/change", data={"key": "criteria.I4.maximum", "value": "4"})
    inside.post("/simulate/run", data={"scenario": "anti-hu", "trials": "20", "seed": "7"})
    inside.post("/simulate/cancel")
    saved = inside.get("/session.json").text
    assert json.loads(saved)["run"] == {"trials": 20, "seed": 7}
    for patient in pns.example_trial().screening["patient_id"]:
        assert patient not in saved
    assert len(json.loads(saved)["inputs"]["mrs.csv"]) == 64
    inside.post("/protocol/choose", data={"protocol": "nct02343211-registry"})
    inside.get("/simulate?scenario=anti-hu&n=30")
    answer = inside.post("/session", files={"file": ("session.json", saved)})
    assert answer.status_code == 200
    assert json.loads(inside.get("/session.json").text) == json.loads(saved)
    inside.post("/protocol/choose", data={"protocol": "nct02343211"})


def test_a_plan_says_its_notes_and_what_waits_for_the_decision(inside):
    plan = pns.plan_treatment(120, "2026-01-05")
    notes = {note for cycle in plan.cycles for note in cycle.notes}
    text = html.unescape(inside.get("/trial/dose?weight=120&start=2026-01-05").text)
    assert notes
    assert all(note in text for note in notes)
    later = [day for cycle in plan.cycles if cycle.conditional for day in cycle.dates]
    assert text.count('class="due later') == len(later) == 15
    assert "Pale days are infused only if the decision of Month 3 is to continue." in text
    assert inside.get("/trial/dose?weight=700&start=2026-01-05").status_code == 400


def test_a_finished_run_is_that_of_its_script(inside):
    inside.post(
        "/simulate/run", data={"scenario": "anti-hu", "response": "0.1", "trials": "500", "seed": "3"}
    )
    last = inside.get("/simulate/progress").text.strip().rpartition("data: ")[2]
    assert json.loads(last)["state"] == "done"
    text = inside.get("/simulate").text
    scripts = re.findall(r'<pre[^>]*id="run-python">(.*?)</pre>', text, re.DOTALL)
    _, result = result_of(f'<pre id="run-python">{scripts[0]}</pre>', "")
    success = result["probability_of_success"]
    assert {float(success.estimate), float(success.std_error)} <= numbers_of(text)
    assert inside.get("/simulate/figure/responders.svg").status_code == 200


def test_a_preview_says_what_will_be_read_before_it_is(inside, example):
    before = inside.get("/trial").text
    french = [("files", (path.name, path.read_bytes().replace(b",", b";"))) for path in example.glob("*.csv")]
    files = [*french, ("files", ("notes.txt", b"x"))]
    wrong = html.unescape(inside.post("/trial/preview", files=files).text)
    assert "must be separated by commas, but is separated by semicolons" in wrong
    right = html.unescape(inside.post("/trial/preview", files=files, data={"separator": ";"}).text)
    assert "must be separated" not in right
    assert "notes.txt: not read" in right
    assert "<td>Bordeaux</td>" in right
    more = [("files", ("mrs.csv", b"patient_id,date,mrs,weather\nA,2024-01-01,2,rain\n"))]
    assert "columns that are not read: weather" in inside.post("/trial/preview", files=more).text
    assert inside.get("/trial").text == before


def test_a_finding_is_shown_in_its_row(inside, example):
    mrs = (example / "mrs.csv").read_text().splitlines()
    cells = mrs[5].split(",")
    mrs[5] = ",".join([*cells[:2], "9", *cells[3:]])
    others = [
        ("files", (path.name, path.read_bytes())) for path in example.glob("*.csv") if path.name != "mrs.csv"
    ]
    text = inside.post("/trial/upload", files=[*others, ("files", ("mrs.csv", "\n".join(mrs)))]).text
    row = re.search(r"<tr><th scope=\"row\">6</th>.*?</tr>", text)[0]
    assert re.findall(r"<td>(.*?)</td>", row) == [*cells[:2], "<mark>9</mark>", *cells[3:]]
    inside.post("/trial/example")


def test_every_table_can_be_had_as_csv(inside):
    inside.post("/simulate/keep", data={"scenario": "anti-hu-plain", "name": "plain"})
    pages = ["/trial/who", "/trial/visits", "/trial/patient?id=BOR-01", "/trial/primary", "/trial/survival", "/trial/shift",
             "/trial/dose?patient=BOR-01", "/protocol?other=nct06373211", "/design", "/simulate"]  # fmt: skip
    for path in pages:
        addresses = dict.fromkeys(
            html.unescape(one) for one in re.findall(r'href="([^"]+as=[^"]*)"', inside.get(path).text)
        )
        assert addresses, path
        for address in addresses:
            answer = inside.get(address)
            assert answer.headers["content-type"].startswith("text/csv"), address
            assert len(pd.read_csv(io.StringIO(answer.text)).columns) > 1, address
    inside.post("/simulate/clear")


def test_kept_scenarios_are_laid_over_each_other(inside):
    for name, response in (("poor", "0.1"), ("good", "0.3")):
        fields = {"scenario": "anti-hu-plain", "name": name, "response": response}
        assert inside.post("/simulate/keep", data=fields).status_code == 200
    text = inside.get("/simulate").text
    kept = io.StringIO(inside.get("/simulate?as=kept").text)
    table = pd.read_csv(kept, dtype=str).set_index("quantity").astype(float)  # to the last digit
    script = html.unescape(re.search(r'<pre[^>]*id="kept-python">(.*?)</pre>', text, re.DOTALL)[1])
    _, result = result_of(f'<pre id="kept-python">{html.escape(script)}</pre>', "")
    assert table.loc["true_response"].tolist() == pytest.approx([0.1, 0.3])
    assert np.array_equal(table.to_numpy(), result.loc[table.index].to_numpy())
    assert set(table.loc["probability_of_success"]) <= numbers_of(text)
    for name in ("kept_responders", "kept_power"):
        for kind in ("svg", "png"):
            assert inside.get(f"/simulate/figure/{name}.{kind}").status_code == 200
    inside.post("/simulate/clear")


def test_the_floor_of_rating_error_is_said_beside_the_published_count(inside):
    text = html.unescape(inside.get("/simulate/notes?scenario=ivig-history").text)
    floor = pns.simulate.rating_floor(pns.load_protocol(), pns.load_scenario("ivig-history"))
    assert {floor.floor, floor.reported, floor.gap, 1 / 37} <= numbers_of(text)
    assert "Rating error alone reaches that count." in text
    assert "reaches that count" not in inside.get("/simulate/notes?scenario=anti-hu").text


def test_a_calendar_has_every_infusion_and_the_decision(inside):
    plan = pns.plan_treatment(70, "2026-01-05")
    text = inside.get("/trial/dose?weight=70&start=2026-01-05").text
    assert text.count(": 28 g") == sum(len(cycle.dates) for cycle in plan.cycles)
    day = re.search(r'<span class="day">(\d+)</span>(?:(?!</td>).)*<strong>Month 3', text)[1]
    assert int(day) == plan.decision_day.day


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_calendar_has_every_visit_with_its_window(inside, language):
    inside.post("/language", data={"language": language})
    plan = pns.plan_treatment(70, "2026-01-05")
    text = inside.get("/trial/dose?weight=70&start=2026-01-05").text
    inside.post("/language", data={"language": "en"})
    cells = {}
    months = re.findall(r'<table class="month"><caption>\S+ \d{4}</caption>(.*?)</table>', text, re.DOTALL)
    for place, month in enumerate(months):
        for day, cell in re.findall(r'<td[^>]*><span class="day">(\d+)</span>(.*?)</td>', month, re.DOTALL):
            cells[dt.date(2026 + place // 12, place % 12 + 1, int(day))] = cell
    assert len(plan.visits) > 1
    for one in plan.visits:
        for day, sign in (
            (one.target, "<strong>"), (one.first, "begins" if language == "en" else "début"),
            (one.last, "ends" if language == "en" else "fin de"),
        ):  # fmt: skip
            assert sign in cells[day], (one.visit, sign)
    inside_windows = sum((one.last - one.first).days + 1 for one in plan.visits)
    assert len(re.findall(r'<td class="[^"]*\bwindow"', text)) == inside_windows


def test_protocols_stand_side_by_side_with_their_differences_marked(inside):
    text = html.unescape(inside.get("/protocol?other=nct06373211").text)
    script, result = result_of(text, "")
    own, other = pns.load_protocol(), pns.load_protocol("nct06373211")
    rows = re.findall(r'<tr class="(differs|assumed|)"><th scope="row">(.*?)</tr>', text, re.DOTALL)
    assert len(rows) == len(result) == len({one.key for one in (*own.settings(), *other.settings())})
    assert "everything=True" in script
    for (marked, row), expected in zip(rows, result.to_dict("records"), strict=True):
        assert (marked == "differs") == bool(expected["differs"])
        assert f">{expected['setting']}</code>" in row
        assert row.count("<td") == 5
    assert {"value", "source", ""} >= set(result["differs"])
    assert (result["differs"] == "value").sum() > 10
    same = result[result["differs"] == ""]
    assert all(a == b for a, b in zip(same["value"], same["other_value"], strict=True))
    both = pd.read_csv(io.StringIO(inside.get("/protocol?other=nct06373211&as=both").text))
    assert both["setting"].tolist() == result["setting"].tolist()


def test_a_version_is_no_number(inside):
    inside.post("/language", data={"language": "fr"})
    text = inside.get("/protocol").text
    inside.post("/language", data={"language": "en"})
    assert re.search(r"<code>version</code></th><td[^>]*>1\.0</td>", text)
    assert re.search(r"<code>version</code></th><td[^>]*>1,0", text) is None


def test_an_example_trial_is_that_of_its_script_and_of_its_command(inside, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    inside.get("/simulate?scenario=anti-hu&response=0.3&n=14")
    text = inside.get("/simulate/example?seed=5").text
    _, result = result_of(text, "")
    command = html.unescape(re.search(r'<pre[^>]*id="one-command">(.*?)</pre>', text, re.DOTALL)[1])
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == f"{result}\n"
    assert len(pns.read_trial(tmp_path / "trial-5").enrolled) == 14
    inside.get("/simulate?scenario=anti-hu")


def test_only_public_names_are_used_and_no_statistics():
    import ast
    import importlib
    from importlib.resources import files

    for path in files("pnstrial.web").iterdir():
        if not path.name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.ImportFrom)
                and (node.module or "").startswith("pnstrial.")
                and node.module != "pnstrial.web"
            ):
                home = importlib.import_module(node.module)
                assert {one.name for one in node.names} <= set(home.__all__), (path.name, node.module)
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            assert not {"numpy", "scipy", "statsmodels", "lifelines"} & {
                name.partition(".")[0] for name in names
            }
    script = files("pnstrial.web").joinpath("static", "page.js").read_text()
    assert len(script.splitlines()) <= 200
