"""How fast is the simulator, against its own random numbers and against the peers' published rates?

Prints medians of three runs on this machine, in one process: trials of 17 patients per second on one thread, the
ratio to drawing the run's random numbers alone (as many words, draws from tables, exponentials and uniforms as were
counted, nothing done with them), the speed-up on all cores, what each part of the model costs beside the same run
without it, the time of the exact answers, and the time to the first result of a fresh process.
Peers in trials a second on one core, from the notes of the project (R 4.2.2): simtrial 70, adaptr 200, Mediana 340,
rpact survival 14,100, lrstat 25,100, rpact one-arm rates (no patient paths) 95,000.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import numba
import numpy as np

import pnstrial as pns
from pnstrial.engine import blocks as engine
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels import random
from pnstrial.engine.kernels.lean import L_BITS, L_N
from pnstrial.engine.lean import lean_tables
from pnstrial.engine.model import build_model
from pnstrial.engine.tables import block_key

PARTS = {
    "classes": {
        "course": {"classes": [{"name": "a", "share": 0.5, "die": 2.0}, {"name": "b", "share": 0.5}]}
    },
    "frailty": {"course": {"frailty": {"variance": 0.5}}},
    "damage": {"course": {"damage": {"per_month": 0.1, "share": 0.2}}},
    "rescue": {"course": {"rescue": {"improve": 3.0}}, "rescue": {"after_worse_rating": 0.3}},
    "tumour treatment": {
        "course": {"tumour_treatment": {"worsen": 0.5}},
        "baseline": {"tumour_treatment_per_month": 0.3},
    },
    "before day 1": {"enrolment": {"course_before_day_1": True}},
    "missed by grade": {"visits": {"missed_ratios": {"worse": 2.0}}},
    "drop-out by grade": {"dropout": {"ratios": {"worse": 3.0}}},
    "thrombosis, haemolysis": {
        "adverse_events": {"thrombosis_per_infusion": 0.008, "haemolysis_per_infusion": 0.008}
    },
}
PEERS = {"simtrial": 70, "adaptr": 200, "lrstat": 25_100}
draw, exponential, pick, start, uniform, word = (
    getattr(random, name).compiled for name in ("draw", "exponential", "pick", "start", "uniform", "word")
)
HALF = np.uint64(32)
ZERO = np.uint64(0)
THREE = np.int64(3)
CLASSES = 3
SHARE = 2.0**-32


@numba.njit(error_model="numpy")
def primary_draws(key, trials, n, bits, words, state):
    """Draw what a primary-endpoint run draws: one cell per patient, two per word."""
    total = 0
    for t in range(trials):
        start(state, key, t)
        drawn = ZERO
        for i in range(n):
            drawn = word(state) if i & 1 == 0 else drawn << HALF
            total += pick(words, ZERO, bits, drawn)
    return total


@numba.njit(error_model="numpy")
def full_draws(key, trials, n, whole, words, stream):
    """Draw what a patient of the full scenario draws on average: his words, 11 cells, 4 exponentials, 9 uniforms.

    Counted in `anti-hu`: entry and weight, 4.5 cycles, 1.5 days of visits, 2.7 ratings and 0.6 ends; 4.2 exponentials
    (the patient before, drop-out, rescue, moves); 1.6 uniforms of a word (who fails screening), 6.8 of half a word
    (days to day 1, 1.7 extra ratings missed, 2.7 deviations repeated, 0.8 kinds of move, 0.6 times of the day).
    """
    total = 0
    time = 0.0
    for t in range(trials):
        start(stream, key, t)
        for i in range(n):
            draw(stream)
            total += pick(words, whole[at.TO_ENTRY], whole[at.ENTRY_BITS], stream[at.W_ENTRY])
            total += pick(words, whole[at.TO_WEIGHT], whole[at.WEIGHT_BITS], stream[at.W_ENTRY] << HALF)
            for k in range(4):
                chance = stream[whole[at.FIRST_CYCLE] + (k >> 1)] << (HALF * np.uint64(k & 1))
                total += pick(words, whole[at.TO_CYCLE], whole[at.CYCLE_BITS], chance)
            total += pick(words, whole[at.TO_ATTEND], whole[at.ATTEND_BITS], stream[at.W_VISIT])
            for j in range(3):
                total += pick(words, whole[at.TO_RATING] + 8 * j, THREE, stream[at.W_VISIT + j] << HALF)
            # of the tables by class of rates and grade, those of the trial's grades
            table = whole[at.GRADES] * (i % CLASSES) + 2 + (i & 1)
            total += pick(
                words,
                whole[at.TO_TAIL] + (table << whole[at.TAIL_BITS]),
                whole[at.TAIL_BITS],
                stream[at.W_TAIL],
            )
            for place in (at.W_GAP, at.W_DROP, at.W_RESCUE):
                time += exponential(stream[place], stream)
            time += exponential(stream[whole[at.FIRST_MOVE]], stream)
            time += uniform(stream) + uniform(stream)
            # halves of words as numbers between 0 and 1: days to day 1, missed, repeated, kind of move, time of day
            for j in range(7):
                time += (np.float64(stream[at.W_VISIT + j] >> HALF) + 0.5) * SHARE
    return total + time


def median(work, repeats=3):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def draws_alone(model, quantities, trials):
    n, key = int(model.whole[at.N]), block_key(1, 0)
    if quantities == "primary":
        whole, words = model.lean
        settings = (key, trials, int(whole[L_N]), whole[L_BITS], words, np.empty(4, np.uint64))
        return primary_draws, settings
    return full_draws, (
        key,
        trials,
        n,
        model.whole,
        model.words,
        np.empty(int(model.whole[at.DRAWS]), np.uint64),
    )


def main():
    protocol = pns.load_protocol("nct02343211")
    for quantities, name, trials in (("primary", "anti-hu-plain", 8_000_000), ("all", "anti-hu", 100_000)):
        scenario = pns.load_scenario(name)
        lean = quantities == "primary"
        model = build_model(protocol, scenario, short=lean)
        if lean:
            model = engine.replace(model, lean=lean_tables(model))
        request = engine.Request(lean=lean, primary=lean)
        engine.run_block(model, 1, 0, 10, request)
        draws, settings = draws_alone(model, quantities, trials)
        draws(*settings)
        own, seconds = [], []
        for _ in range(5):  # in turn, so that both meet the same load
            own.append(median(lambda d=draws, s=settings: d(*s), 1))
            seconds.append(median(lambda m=model, t=trials, r=request: engine.run_block(m, 1, 0, t, r), 1))
        rate = trials / statistics.median(seconds)
        ratio = statistics.median(seconds) / statistics.median(own)
        peers = ", ".join(f"{rate / peer:,.0f} x {who}" for who, peer in PEERS.items())
        print(
            f"{quantities:<8}{rate:>12,.0f} trials/s, one thread; {ratio:.1f} x its random numbers; {peers}"
        )
        cores = os.cpu_count() or 1
        run = {"protocol": protocol, "scenario": scenario, "n_trials": trials * 8, "quantities": quantities}
        one = median(lambda r=run: pns.simulate_trials(**r))
        many = median(lambda r=run, c=cores: pns.simulate_trials(**r, workers=c))
        print(f"{'':<8}{one / many:>12.2f} x on {cores} cores; load {os.getloadavg()[0]:.1f}")
    plain = pns.load_scenario("anti-hu")
    request, trials = engine.Request(), 20_000
    for name, settings in PARTS.items():
        pair = [build_model(protocol, case) for case in (plain, plain.changed(**settings))]
        seconds = [[], []]
        for _ in range(5):  # in turn
            for k, model in enumerate(pair):
                seconds[k].append(median(lambda m=model: engine.run_block(m, 1, 0, trials, request), 1))
        print(
            f"{name}: {statistics.median(seconds[1]) / statistics.median(seconds[0]):.2f} x the run without it"
        )
    for n in (17, 300):
        sized = [plain.changed(enrolment={"target": n}) for _ in range(4)]
        pns.exact_characteristics(protocol, sized.pop())
        seconds = statistics.median(
            median(lambda s=s: pns.exact_characteristics(protocol, s), 1) for s in sized
        )
        print(f"exact answers, n = {n}: {seconds:.2f} s")
    code = (
        "import pnstrial as pns;"
        "pns.simulate_trials(pns.load_protocol('nct02343211'), pns.load_scenario('{}'), n_trials=1000, quantities='{}')"
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
