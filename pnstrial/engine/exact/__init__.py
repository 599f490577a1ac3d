"""Which operating characteristics have an exact answer, and what is it?

Input: `Protocol` and `Scenario`.
Output: `ExactCharacteristics`, and the chain of a patient's states that it rests on.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: see the modules; independent of the simulation: it shares rules and rates, no draws.
Next: `answers`.
"""
