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
        Made if it is not there; gets ``report.html``, ``tables/`` and ``figures/``.
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
        If the folder is a file, or an extra is lacking.

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

    where = Path(folder)
    if where.exists() and not where.is_dir():
        raise ValueError(f"{where} is a file; give a folder")
    analysis = analyse(trial, protocol, estimand=estimand, visit=visit, null=null)
    parts = sections(analysis)
    images = rendering.draw_all(parts)
    where.mkdir(parents=True, exist_ok=True)
    rendering.write_files(parts, images, where)
    page = where / "report.html"
    page.write_text(rendering.full_page(analysis, parts, images, command), encoding="utf-8")
    if docx:
        rendering.write_docx(analysis, parts, images, where / "report.docx")
    if rtf:
        rendering.write_rtf(parts, where / "rtf")
    return page
