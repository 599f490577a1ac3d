"""Where do the random numbers of a compiled trial come from?

Input: the 128-bit key of a block (made by `numpy.random.SeedSequence`) and the number of a trial.
Output: 64-bit words, exponentials and draws from tables; one stream per trial, found without drawing the others.
Protocol section: none.
Method: xoshiro256++ 1.0 (Blackman and Vigna, ACM Trans Math Softw 2021;47:36), its state filled by splitmix64
(Steele, Lea and Flood, OOPSLA 2014); Walker's alias method with table sizes that are powers of two, threshold
and alias in one 64-bit word (Walker, ACM Trans Math Softw 1977;3:253-256); exponentials by the ziggurat with 256
layers (Marsaglia and Tsang, J Stat Softw 2000;5(8)).
Next: `patient_kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import INNER, OUTER, SELDOM, kernel

__all__ = ["draw", "exponential", "pick", "start", "uniform", "word"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S11, _S16, _S17, _S19, _S23 = (np.uint64(k) for k in (11, 16, 17, 19, 23))
_S27, _S30, _S31, _S41, _S45, _S64 = (np.uint64(k) for k in (27, 30, 31, 41, 45, 64))
_ALIAS = np.uint64(0xFFFF)
_ZERO = np.uint64(0)


def _mix(z: Any) -> Any:
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


_mix = kernel(_mix, **INNER)


def _start(state: Any, key: Any, index: Any) -> Any:
    """Fill the state (4 words) for one trial of the block with this key (2 words)."""
    z = _mix(key[0] + np.uint64(index) * _GOLDEN) ^ key[1]
    for j in range(4):
        z += _GOLDEN
        state[j] = _mix(z)


start = kernel(_start, **OUTER)


def _word(state: Any) -> Any:
    """Draw 64 bits."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    z = s0 + s3
    drawn = ((z << _S23) | (z >> _S41)) + s0
    t = s1 << _S17
    s2 ^= s0
    s3 ^= s1
    state[1] = s1 ^ s2
    state[0] = s0 ^ s3
    state[2] = s2 ^ t
    state[3] = (s3 << _S45) | (s3 >> _S19)
    return drawn


word = kernel(_word, **INNER)


def _uniform(state: Any) -> Any:
    """Draw a number strictly between 0 and 1."""
    return (np.float64(word(state) >> _S11) + 0.5) * 1.1102230246251565e-16


uniform = kernel(_uniform, **INNER)


def _ziggurat() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay 256 layers of equal area under exp(-x): limits to accept at once, widths, heights."""
    base, area = 7.69711747013104972, 3.9496598225815571993e-3
    edge = np.empty(257)
    edge[0], edge[1] = area / math.exp(-base), base
    for i in range(2, 256):
        edge[i] = -math.log(math.exp(-edge[i - 1]) + area / edge[i - 1])
    edge[256] = 0.0
    limit = np.array([int(edge[i + 1] / edge[i] * 2.0**53) for i in range(256)], np.uint64)
    return limit, edge[:256] * 2.0**-53, np.exp(-edge)


_LIMIT, _WIDTH, _HEIGHT = _ziggurat()
_BASE = 7.69711747013104972
_LAYER = np.uint64(255)


def _beyond(layer: Any, x: Any, state: Any) -> Any:
    """Finish an exponential that was not accepted at once (1 in 90)."""
    while True:
        if layer == 0:
            return _BASE - math.log(uniform(state))
        low, high = _HEIGHT[layer], _HEIGHT[layer + 1]
        if low + uniform(state) * (high - low) < math.exp(-x):
            return x
        drawn = word(state)
        layer = np.int64(drawn & _LAYER)
        part = drawn >> _S11
        x = np.float64(part) * _WIDTH[layer]
        if part < _LIMIT[layer]:
            return x


_beyond = kernel(_beyond, **SELDOM)


def _exponential(drawn: Any, state: Any) -> Any:
    """Turn a word into a standard exponential."""
    layer = np.int64(drawn & _LAYER)
    part = drawn >> _S11
    x = np.float64(part) * _WIDTH[layer]
    if part < _LIMIT[layer]:
        return x
    return _beyond(layer, x, state)


exponential = kernel(_exponential, **INNER)


def _draw(state: Any) -> Any:
    """Fill an array behind the state with words: the same that `word` would draw one by one."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for i in range(4, state.size):
        z = s0 + s3
        state[i] = ((z << _S23) | (z >> _S41)) + s0
        t = s1 << _S17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = (s3 << _S45) | (s3 >> _S19)
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3


draw = kernel(_draw, **OUTER)


def _pick(words: Any, place: Any, bits: Any, drawn: Any) -> Any:
    """Draw an index from the packed alias table of 2**bits words that begins at a place."""
    shift = np.uint64(bits)
    index = drawn >> (_S64 - shift)
    entry = words[np.uint64(place) + index]
    # without a branch: which of the two is drawn cannot be predicted
    other = entry & _ALIAS
    keep = _ZERO - np.uint64(((drawn << shift) >> _S16) < (entry >> _S16))
    return np.int64(other ^ ((other ^ index) & keep))


pick = kernel(_pick, **INNER)
