"""Which loops of the simulation are compiled?

Input: the arrays of `engine.model`.
Output: patients and trials, drawn and counted.
Protocol section: none.
Method: see the modules; every one is compiled by numba on first use.
Next: `layout`.
"""
