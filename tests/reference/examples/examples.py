"""Writes the example folders of synthetic patients: one simulated trial of each shipped protocol that has a scenario.

Run: python examples.py   (say in the changelog why the patients changed)
"""

import shutil
from pathlib import Path

import pnstrial as pns
from pnstrial.data import write_trial
from pnstrial.data.files import SYNTHETIC_MARK

SEEDS = {"nct06373211": 3, "sirolimus-2015": 2, "natalizumab-2021": 2}


def simulated(name):
    """Give the synthetic trial of a protocol."""
    return pns.simulate_trial(pns.load_protocol(name), pns.load_scenario(name), seed=SEEDS[name])


if __name__ == "__main__":
    for name in SEEDS:
        folder = Path(pns.__file__).parent / "example" / name
        shutil.rmtree(folder, ignore_errors=True)
        write_trial(simulated(name), folder)
        (folder / SYNTHETIC_MARK).unlink()  # `pnstrial example` writes it
