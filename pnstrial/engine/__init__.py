"""How are a million trials of a protocol run, and which of their quantities have an exact answer?

Input: a protocol and a scenario.
Output: blocks of simulated trials added up, exact distributions, tables of one trial.
Protocol section: none.
Method: see `model` (what is simulated), `blocks` (how it runs), `exact`; `pnstrial.simulate` is the face of it.
Next: `model`.
"""
