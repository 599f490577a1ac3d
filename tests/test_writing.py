"""Files appear whole or not at all, and nothing that pnstrial did not write is lost."""

import dataclasses
import io
import sys
import zipfile
from pathlib import Path

import pytest

import pnstrial as pns
from pnstrial import adam
from pnstrial.cli import main
from pnstrial.writing import (
    OutputError,
    output_file,
    output_folder,
    read_manifest,
    stamped,
    unchanged,
    whole_folder,
    write_file,
)


def fill(place, texts, **how):
    with whole_folder(place, **how) as folder:
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


def names(place):
    return sorted(path.name for path in place.iterdir())


def content(place):
    return {
        path.relative_to(place).as_posix(): path.read_text()
        for path in place.rglob("*")
        if path.is_file() and path.name != "manifest.csv"
    }


def office(kind):
    buffer = io.BytesIO()
    if kind == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        book.active["A1"] = "a"
        book.save(buffer)
    else:
        docx = pytest.importorskip("docx")
        document = docx.Document()
        document.add_paragraph("a")
        document.save(buffer)
    return buffer.getvalue()


def png():
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    Figure((1, 1)).savefig(buffer, format="png")
    return buffer.getvalue()


PAGES = {
    ".html": lambda: b'<!DOCTYPE html><html><head><meta charset="utf-8"><title>a</title></head></html>',
    ".svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'></svg>\n",
    ".png": png,
    ".docx": lambda: office(".docx"),
    ".xlsx": lambda: office(".xlsx"),
}


@pytest.mark.parametrize("suffix", PAGES)
def test_a_stamped_file_knows_whether_it_was_changed(suffix):
    plain = PAGES[suffix]()
    page = stamped(plain, suffix)
    assert unchanged(page, suffix)
    assert unchanged(page, suffix.upper())
    assert not unchanged(plain, suffix)
    assert stamped(page, suffix) == page
    if suffix in {".docx", ".xlsx"}:
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(page)) as old, zipfile.ZipFile(buffer, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name) + (b" " if name.endswith(".rels") else b""))
        assert not unchanged(buffer.getvalue(), suffix)
    else:
        middle = len(page) // 2 if suffix == ".png" else len(page) - 8
        assert not unchanged(page[:middle] + bytes([page[middle] ^ 1]) + page[middle + 1 :], suffix)


def test_stamped_office_files_open():
    import openpyxl

    assert openpyxl.load_workbook(io.BytesIO(stamped(office(".xlsx"), ".xlsx"))).active["A1"].value == "a"
    docx = pytest.importorskip("docx")
    document = docx.Document(io.BytesIO(stamped(office(".docx"), ".docx")))
    assert document.paragraphs[0].text == "a"
    assert document.core_properties.identifier.startswith("pnstrial-sha256 ")


def test_a_page_is_replaced_until_somebody_edits_it(tmp_path):
    page = tmp_path / "page.html"
    write_file(page, "<html><head></head>one</html>")
    write_file(page, "<html><head></head>two</html>")
    assert "two" in page.read_text()
    edited = page.read_text().replace("two", "three")
    page.write_text(edited)
    with pytest.raises(OutputError, match=r"changed since; move it away, or give another name"):
        write_file(page, "<html><head></head>four</html>")
    assert page.read_text() == edited
    assert names(tmp_path) == ["page.html"]


def test_a_format_without_a_place_for_a_digest_is_never_replaced(tmp_path):
    sheet = tmp_path / "queries.csv"
    write_file(sheet, "a\n1\n")
    write_file(sheet, "a\n1\n")
    with pytest.raises(OutputError, match="is there already"):
        write_file(sheet, "a\n2\n")
    assert sheet.read_text() == "a\n1\n"


def test_outputs_are_no_inputs_and_lie_in_none(tmp_path):
    trial = tmp_path / "trial"
    trial.mkdir()
    table = trial / "screening.csv"
    table.write_text("patient_id\n")
    book = tmp_path / "t.html"
    book.write_text("x")
    for place in (trial / "page.html", table, trial / "new" / "page.html"):
        with pytest.raises(OutputError, match=r"is an input|lies in .*an input"):
            output_file(place, inputs=[trial])
    with pytest.raises(OutputError, match="is an input of this run"):
        output_file(book, inputs=[book])
    link = tmp_path / "link.html"
    link.symlink_to(book)
    hard = tmp_path / "hard.html"
    hard.hardlink_to(book)
    for place in (link, hard):
        with pytest.raises(OutputError, match="is an input of this run"):
            output_file(place, inputs=[book])
    for place in (trial, trial / "report"):
        with pytest.raises(OutputError, match=r"is an input|lies in"):
            output_folder(place, inputs=[trial])
    output_folder(tmp_path / "report", inputs=[trial, None, tmp_path / "no such place"])


def test_what_a_path_must_be(tmp_path):
    with pytest.raises(OutputError, match=r"must end in \.html or \.htm"):
        output_file(tmp_path / "page.csv", suffixes=(".html", ".htm"))
    with pytest.raises(OutputError, match="is a folder; name a file in it"):
        output_file(tmp_path)
    with pytest.raises(OutputError, match="does not exist; make the folder first"):
        output_file(tmp_path / "a" / "page.html")
    with pytest.raises(OutputError, match="does not exist; make the folder first"):
        output_folder(tmp_path / "a" / "report")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file; give an empty or a new folder"):
        output_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="is a file; make the folder first"):
        output_folder(tmp_path / "file" / "report")


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_written_again_and_keeps_what_is_not_its_own(tmp_path, there):
    place = tmp_path / "report"
    if there:
        place.mkdir()
    fill(place, {"a.txt": "1", "tables/b.txt": "2", "old.txt": "3"})
    (place / "note.txt").write_text("mine")
    assert set(read_manifest(place)) == {"a.txt", "tables/b.txt", "old.txt"}
    fill(place, {"a.txt": "4", "tables/b.txt": "2", "figures/c.txt": "5"})
    assert content(place) == {"a.txt": "4", "tables/b.txt": "2", "figures/c.txt": "5", "note.txt": "mine"}
    (place / "a.txt").unlink()
    fill(place, {"a.txt": "6"})
    assert content(place) == {"a.txt": "6", "note.txt": "mine"}
    assert names(tmp_path) == ["report"]


def test_an_edited_or_foreign_file_of_a_folder_stops_the_run(tmp_path):
    place = tmp_path / "report"
    fill(place, {"a.txt": "1", "b.txt": "2"})
    (place / "b.txt").write_text("edited")
    with pytest.raises(OutputError, match=r"b\.txt changed since pnstrial wrote it; move it away"):
        fill(place, {"a.txt": "3", "b.txt": "4"})
    assert content(place) == {"a.txt": "1", "b.txt": "edited"}
    (place / "b.txt").unlink()
    (place / "c.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"already has c\.txt"):
        fill(place, {"a.txt": "3", "c.txt": "4"})
    (place / "tables").write_text("mine too")
    with pytest.raises(OutputError, match="already has tables"):
        fill(place, {"tables/b.txt": "4"})
    assert content(place) == {"a.txt": "1", "c.txt": "mine", "tables": "mine too"}


def test_a_manifest_of_somebody_else_is_not_replaced(tmp_path):
    place = tmp_path / "report"
    place.mkdir()
    (place / "manifest.csv").write_text("name,size\nx,1\n")
    with pytest.raises(OutputError, match=r"manifest\.csv"):
        fill(place, {"a.txt": "1"})
    assert (place / "manifest.csv").read_text() == "name,size\nx,1\n"


def test_collected_tables_are_never_replaced(tmp_path):
    place = tmp_path / "trial"
    fill(place, {"screening.csv": "1"}, manifest=None)
    assert names(place) == ["screening.csv"]
    with pytest.raises(OutputError, match=r"already has screening\.csv"):
        fill(place, {"screening.csv": "1"}, manifest=None)
    fill(place, {"mrs.csv": "1"}, manifest=None)
    assert content(place) == {"screening.csv": "1", "mrs.csv": "1"}


def test_an_error_leaves_everything_as_it_was(tmp_path):
    place = tmp_path / "report"
    for step in range(2):
        with pytest.raises(IsADirectoryError):
            fill(place, {"a.txt": "half", "b/c.txt": "", "b": "a folder by now"})
        assert names(tmp_path) == (["report"] if step else [])
        if not step:
            fill(place, {"a.txt": "1"})
    assert content(place) == {"a.txt": "1"}


class Killed(BaseException):
    """Stands for kill -9: nothing cleans up after it."""


@pytest.mark.parametrize("manifest", ["manifest.csv", None])
@pytest.mark.parametrize("there", [True, False])
def test_a_run_that_is_killed_at_any_rename_is_mended_by_the_next(tmp_path, monkeypatch, manifest, there):
    """Files are whole at every moment, and the next run goes through."""
    old = {"a.txt": "old a", "tables/b.txt": "old b", "gone.txt": "old"}
    new = {"a.txt": "new a", "tables/b.txt": "new b", "c.txt": "new c"}
    replace = Path.replace
    for stop in range(6):
        place = tmp_path / str(stop)
        if there:
            place.mkdir()
            (place / "note.txt").write_text("mine")
        if manifest and there:
            fill(place, old)
        calls = 0

        def replaced(source, target, stop=stop):
            nonlocal calls
            if calls == stop:
                raise Killed
            calls += 1
            return replace(source, target)

        killed = False
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replaced)
            try:
                fill(place, new, manifest=manifest)
            except Killed:
                killed = True
        half = content(place) if place.exists() else {}
        assert all(text in {old.get(name), new.get(name), "mine"} for name, text in half.items())
        if killed:
            assert read_manifest(place) is None
            fill(place, new, manifest=manifest)
        assert content(place) == {**new, **({"note.txt": "mine"} if there else {})}
        assert not list(tmp_path.glob(".*"))


def test_leftovers_go_and_a_live_run_is_left_alone(tmp_path):
    place = tmp_path / "report"
    left = tmp_path / ".report.partial"
    (left / "files").mkdir(parents=True)
    (left / "lock").touch()
    (left / "files" / "half.txt").write_text("ha")
    fill(place, {"a.txt": "1"})
    assert content(place) == {"a.txt": "1"}
    assert not left.exists()
    pytest.importorskip("fcntl")
    with (
        whole_folder(place) as folder,
        pytest.raises(OutputError, match="another run is writing"),
        whole_folder(place),
    ):
        pass
    assert not folder.exists()
    left.mkdir()
    (left / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="in the way and was not written by pnstrial"):
        fill(place, {"a.txt": "1"})


def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path):
    from pnstrial.writing import digest

    place = tmp_path / "report"
    place.mkdir()
    (tmp_path / "precious.txt").write_text("x")
    (place / "manifest.csv").write_text(f"file,sha256\n../precious.txt,{digest(b'x')}\n")
    fill(place, {"a.txt": "1"})
    assert (tmp_path / "precious.txt").read_text() == "x"


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_figure_of_a_design_replaces_its_own_file_and_no_other(tmp_path, suffix, capsys):
    file = tmp_path / f"design{suffix}"
    words = ["design", "single", "--p0", "0.05", "--p1", "0.25", "--figure", str(file)]
    assert main(words) == 0
    assert unchanged(file.read_bytes(), suffix)
    assert main(words) == 0
    file.write_bytes(file.read_bytes() + b" ")
    assert main(words) == 2
    assert "was changed since" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "design.txt")]) == 2
    assert "must end in .png or .svg or .pdf" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "none" / "design.png")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_new_protocol_file_appears_whole_and_replaces_none(tmp_path, capsys):
    file = tmp_path / "my.toml"
    words = ["protocol", "new", str(file), "--id", "mine", "--title", "Mine"]
    assert main(words) == 0
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["protocol", "new", str(tmp_path / "none" / "my.toml")]) == 2
    assert "make the folder first" in capsys.readouterr().err


def test_without_pyarrow_a_parquet_file_is_one_sentence(tmp_path, monkeypatch, example, protocol):
    datasets = adam.derive(example, protocol)
    adam.write_adam(datasets, tmp_path / "adam", "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "screening.parquet").write_bytes(b"PAR1")
    needs = r"pip install 'pnstrial\[parquet\]'"
    with pytest.raises(pns.TrialDataError, match=needs):
        pns.read_trial(tmp_path / "in")
    with pytest.raises(ValueError, match=needs):
        adam.write_adam(datasets, tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()
    assert needs.replace("\\", "") in adam.check_adam(tmp_path / "adam")[1][0].message
    with pytest.raises(ValueError, match=needs):
        pns.simulate_trials(protocol, pns.load_scenario("anti-hu"), 10, trials=tmp_path / "x.parquet")


def test_a_dollar_in_an_identifier_is_a_dollar_in_every_figure(example, protocol):
    from matplotlib import pyplot as plt

    tables = {
        name: frame.assign(patient_id=r"$\frac" + frame["patient_id"].astype(object) + "$^")
        for name, frame in example.tables.items()
    }
    trial = dataclasses.replace(example, tables=tables)
    _, axes = plt.subplots()
    axes.set_xlabel(r"$\alpha$")
    axes.set_title("mine")
    groups = pns.survival.kaplan_meier([3, 4, 5, 6], [1, 1, 0, 1], group=[r"$\x^", r"$\x^", "$b_", "$b_"])
    for drawn in (
        pns.figures.swimmer(pns.analyse(trial, protocol)),
        pns.figures.waterfall(pns.mrs_shift(trial, protocol), title="$^ of two $_"),
        pns.figures.kaplan_meier(groups, ax=axes),
    ):
        drawn.figure.savefig(io.BytesIO(), format="png", dpi=30)
    assert axes.title.get_parse_math()


def test_names_that_are_no_place_are_refused(tmp_path, capsys):
    loop, dangling = tmp_path / "loop", tmp_path / "page.html"
    loop.symlink_to(loop)
    dangling.symlink_to(tmp_path / "none" / "page.html")
    for place in (loop / "page.html", dangling):
        with pytest.raises(OutputError, match=r"leads nowhere|does not exist"):
            write_file(place, "x")
    for ask in (output_file, output_folder):
        with pytest.raises(OutputError, match="the name of the output is empty"):
            ask("")
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path), "--out", ""])
    assert "out is empty; give a name" in capsys.readouterr().err


def test_a_full_disk_is_a_sentence_whatever_writes(tmp_path, monkeypatch, example, protocol):
    import pyreadstat

    def full(*_, **__):
        raise pyreadstat.ReadstatError("Unable to write data")

    monkeypatch.setattr(pyreadstat, "write_xport", full)
    with pytest.raises(OSError, match="is the disk full"):
        adam.write_adam(adam.derive(example, protocol), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
