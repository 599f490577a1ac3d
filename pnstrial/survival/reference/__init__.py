"""How does one arm stand against a known curve?

Input: times of one arm; a published or assumed curve.
Output: one-sample tests and sample sizes; curves and patients read back from print.
Protocol section: none.
Method: see the modules.
Next: `curve`.
"""
