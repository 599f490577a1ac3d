"""What does the whole report of a trial look like? (The patients of the example are invented.)"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib as mpl

import pnstrial as pns

mpl.use("Agg")


def main() -> None:
    """Write the report of the bundled example under out/."""
    out = Path("out") / "09_example_report"
    protocol = pns.load_protocol("nct02343211")
    with TemporaryDirectory() as folder:
        pns.data.write_example(folder)
        trial = pns.read_trial(folder)
        page = pns.report(trial, protocol, out, null=0.10)
    print(pns.primary_endpoint(trial, protocol, null=0.10))
    print(f"\nWritten: {page}, with its tables and figures beside it")


if __name__ == "__main__":
    main()
