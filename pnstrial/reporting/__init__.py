"""What does a trial team hand round?

Input: a trial and a protocol.
Output: one self-contained HTML report, each table as CSV, each figure as SVG; on request PNG, .docx and .rtf.
Protocol section: all.
Method: `analysis` derives, `contents` orders the items, `page`, `word` and `rtf` write them; the same input gives the
same bytes.
Next: `cli.report`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pnstrial.analysis import analyse
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.numerics.signatures import check_signature
from pnstrial.writing import output_folder, whole_folder, write_file

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from pnstrial.analysis import Analysis
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["report", "short_page"]


def __dir__() -> list[str]:
    return __all__


def short_page(analysis: Analysis) -> str:
    """Write the short page: the items of the report that answer what the trial says.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis

    Returns
    -------
    str
        One self-contained HTML 5 page. The same analysis gives the same bytes.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> page = short_page(pns.analyse(trial, protocol))
    >>> page[:15], page.count("<figure>") > 0
    ('<!DOCTYPE html>', True)
    """
    check_signature(short_page, locals())
    from pnstrial.reporting.contents import document
    from pnstrial.reporting.files import draw
    from pnstrial.reporting.material import Material
    from pnstrial.reporting.page import page

    chosen = document(Material(analysis), short=True)
    return page(chosen, draw(chosen).svg)


def report(
    trial: TrialData,
    protocol: Protocol,
    folder: str | Path,
    *,
    estimand: dict[str, str] | None = None,
    visit: str | None = None,
    null: float | None = None,
    docx: bool = False,
    rtf: bool = False,
    png: bool = False,
    data_cut: dt.date | None = None,
    stamp: str | None = None,
    command: str | None = None,
    opinion: pd.DataFrame | None = None,
) -> Path:
    """Write the report of a trial.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    folder : str or Path
        Made if it is not there; gets ``report.html``, ``tables/``, ``figures/`` and ``manifest.csv``. What an
        earlier run wrote is replaced, unless somebody changed it; other files stay.
    estimand, visit, null : optional
        Replace those of the protocol, as in `pnstrial.analysis.analyse`.
    docx, rtf : bool, default False
        Also ``report.docx`` (extra ``docx``), or ``report.rtf`` with a file for each table under ``rtf/``.
    png : bool, default False
        Also each figure as PNG.
    data_cut : datetime.date, optional
        Printed; a record after it is a finding, nothing is left out.
    stamp : str, optional
        Printed as given, such as "draft of 5 January 2026"; nothing else in the report says when it was made.
    command : str, optional
        The command line, for the provenance.
    opinion : pandas.DataFrame, optional
        Table of `pnstrial.verify`, printed as table 17.2: which numbers other libraries agree with.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    ValueError
        If an extra is missing, or the folder would lose a file (`pnstrial.writing.OutputError`).

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> source, out = tempfile.mkdtemp(), tempfile.mkdtemp()
    >>> _ = pns.data.write_example(source)
    >>> path = report(pns.read_trial(source), pns.load_protocol("nct02343211"), out)
    >>> path.name, path.read_text().count("<figure>")
    ('report.html', 9)
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    check_signature(report, locals())
    from pnstrial.reporting.contents import document
    from pnstrial.reporting.files import draw, write_tables
    from pnstrial.reporting.items import Table
    from pnstrial.reporting.material import Material
    from pnstrial.reporting.page import page

    output_folder(folder, names=["report.html"], inputs=[trial.source])
    analysis = analyse(trial, protocol, estimand=estimand, visit=visit, null=null)
    whole = document(Material(analysis, command, data_cut), stamp, opinion)
    drawings = draw(whole, png=png or docx or rtf)
    with whole_folder(folder, names=["report.html"], inputs=[trial.source]) as where:
        write_tables(whole, drawings, where)
        write_file(where / "report.html", page(whole, drawings.svg))
        if docx:
            from pnstrial.reporting.word import word_document

            write_file(where / "report.docx", word_document(whole, drawings))
        if rtf:
            from pnstrial.reporting.rtf import rtf_report, rtf_table

            write_file(where / "report.rtf", rtf_report(whole, drawings))
            (where / "rtf").mkdir()
            for item in whole.items:
                if isinstance(item, Table):
                    write_file(where / "rtf" / f"{item.number}.rtf", rtf_table(whole, item, drawings))
    return Path(folder) / "report.html"
