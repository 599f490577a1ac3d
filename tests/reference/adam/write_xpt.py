"""Write the transport files that haven.R reads: python tests/reference/adam/write_xpt.py DIR (fixed time of creation)."""

import datetime as dt
import sys
from pathlib import Path

from pnstrial import load_protocol, read_trial
from pnstrial.adam import derive, write_adam

CREATED = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

if __name__ == "__main__":
    trial = read_trial(Path(__file__).parents[1] / "trial" / "example")
    write_adam(derive(trial, load_protocol("nct02343211")), sys.argv[1], "xpt", CREATED)
