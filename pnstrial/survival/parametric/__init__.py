"""Which distribution do the times follow?

Input: times exact, censored or in intervals.
Output: fitted distributions and regression on them.
Protocol section: none.
Method: maximum likelihood; see the modules.
Next: `fit`.
"""
