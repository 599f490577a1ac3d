"""What does a trial team hand round?

Input: a trial and a protocol.
Output: one self-contained HTML report, each table as CSV, each figure as SVG and PNG, on request .docx and .rtf.
Protocol section: all.
Method: `analysis` derives, `contents` numbers and tells, `rendering` writes; the same input gives the same bytes.
Next: `cli.report`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pnstrial.analysis import analyse
from pnstrial.writing import output_folder, whole_folder, write_file

if TYPE_CHECKING:
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["report"]


def __dir__() -> list[str]:
    return __all__


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
    command: str | None = None,
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
        Also ``report.docx`` and ``rtf/`` (extras of the same names).
    command : str, optional
        The command line, for the provenance.

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
    from pnstrial.reporting import rendering
    from pnstrial.reporting.contents import sections

    output_folder(folder, names=["report.html"], inputs=[trial.source])
    analysis = analyse(trial, protocol, estimand=estimand, visit=visit, null=null)
    parts = sections(analysis)
    images = rendering.draw_all(parts)
    with whole_folder(folder, names=["report.html"], inputs=[trial.source]) as where:
        rendering.write_files(parts, images, where)
        page = rendering.full_page(analysis, parts, images, command)
        write_file(where / "report.html", page)
        if docx:
            rendering.write_docx(analysis, parts, images, where / "report.docx")
        if rtf:
            rendering.write_rtf(parts, where / "rtf")
    return Path(folder) / "report.html"
