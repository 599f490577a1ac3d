"""How fast is the simulator, against its own random numbers and against the peers' published rates?

Prints medians of three runs on this machine, in one process: trials of 17 patients per second on one
thread, the
ratio to drawing the run's random words alone, the speed-up on all cores, and the time to the first result
of a fresh process.
Peers in trials a second on one core, from the notes of the project (R 4.2.2): simtrial 70, adaptr 200,
Mediana 340,
rpact survival 14,100, lrstat 25,100, rpact one-arm rates (no patient paths) 95,000.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import pnstrial as pns
from pnstrial.simulate import engine
from pnstrial.simulate.lean import is_plain, lean_tables
from pnstrial.simulate.model import build_model
from pnstrial.simulate.random_kernels import fill
from pnstrial.simulate.tables import block_key

PEERS = {"simtrial": 70, "adaptr": 200, "lrstat": 25_100}
WORDS = {"primary": 17 * 3.0, "all": 17 * 24.0}  # 64-bit words a trial draws, about


def median(work, repeats=3):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    protocol = pns.load_protocol("nct02343211")
    words = np.empty(4_000_000, np.uint64)
    fill(words, block_key(1, 0))
    per_word = median(lambda: fill(words, block_key(1, 0))) / words.size
    print(f"random words: {1e-6 / per_word:,.0f} million a second")
    for quantities, name, trials in (("primary", "anti-hu-plain", 400_000), ("all", "anti-hu", 40_000)):
        scenario = pns.load_scenario(name)
        model = build_model(protocol, scenario, short=quantities == "primary")
        if quantities == "primary" and is_plain(model):
            model = engine.replace(model, lean=lean_tables(model))
        width = len(engine.PRIMARY if quantities == "primary" else engine.ALL)
        lean = quantities == "primary"
        engine.run_block(model, 1, 0, 10, lean, width)
        seconds = median(lambda m=model, t=trials, lean=lean, w=width: engine.run_block(m, 1, 0, t, lean, w))
        rate = trials / seconds
        own = seconds / trials / (WORDS[quantities] * per_word)
        peers = ", ".join(f"{rate / peer:,.0f} x {who}" for who, peer in PEERS.items())
        print(f"{quantities:<8}{rate:>12,.0f} trials/s, one thread; {own:.1f} x its random words; {peers}")
        cores = os.cpu_count() or 1
        run = {"protocol": protocol, "scenario": scenario, "n_trials": trials * 4, "quantities": quantities}
        one = median(lambda r=run: pns.simulate(**r), 1)
        many = median(lambda r=run, c=cores: pns.simulate(**r, workers=c), 1)
        print(f"{'':<8}{one / many:>12.2f} x on {cores} cores")
    code = (
        "import pnstrial as pns;"
        "pns.simulate(pns.load_protocol('nct02343211'), pns.load_scenario('{}'), n_trials=1000, quantities='{}')"
    )
    for name, quantities in (("anti-hu-plain", "primary"), ("anti-hu", "all")):
        for cache in ("empty", "kept"):
            folder = tempfile.mkdtemp() if cache == "empty" else None
            settings = os.environ | ({"NUMBA_CACHE_DIR": folder} if folder else {})
            command = [sys.executable, "-c", code.format(name, quantities)]
            seconds = median(lambda c=command, s=settings: subprocess.run(c, env=s, check=True), 1)
            print(f"first result of a fresh process, {quantities}, kernel cache {cache}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
