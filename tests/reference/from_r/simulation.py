"""Writes the counts of the fixed simulation that `pnstrial qualify` repeats, after the simulator was changed on purpose.

Run: python simulation.py   (say in the changelog why the numbers moved)
"""

import json
from pathlib import Path

from pnstrial.verification import qualification

target = Path(qualification.__file__).parent / "expected" / "simulation.json"
target.write_text(json.dumps(qualification.simulated_numbers(), indent=1) + "\n")
