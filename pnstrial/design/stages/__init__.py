"""When does a trial stop, and with which error rates?

Input: rates, error levels, looks.
Output: single-stage, two-stage, sequential, curtailed and adaptive designs; inference after them.
Protocol section: none.
Method: enumeration of every outcome.
Next: `single`.
"""
