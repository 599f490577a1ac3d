"""Which two pictures does the README show?

Input: the bundled example (invented patients).
Output: ``images/report.png``, the first screen of the report; ``images/swimmer.png``, one of its figures.
Protocol section: none.
Method: run by hand after the look of either changed; the screen is taken by Chromium.
Next: `build_site`.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pnstrial as pns
from pnstrial import figures

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Write both pictures."""
    trial, protocol = pns.example_trial(), pns.load_protocol("nct02343211")
    axes = figures.swimmer(pns.analyse(trial, protocol))
    axes.figure.savefig(IMAGES / "swimmer.png", dpi=75, bbox_inches="tight", metadata={"Software": None})
    with tempfile.TemporaryDirectory() as folder:
        page = pns.report(trial, protocol, Path(folder) / "report", null=0.10)
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1000,760",
        ]
        target = f"--screenshot={IMAGES / 'report.png'}"
        subprocess.run(["chromium", *options, target, page.as_uri()], check=True, capture_output=True)  # noqa: S603, S607


if __name__ == "__main__":
    main()
