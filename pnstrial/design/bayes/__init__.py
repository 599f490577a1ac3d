"""What do earlier patients and a prior add to a design?

Input: priors, published series, counts.
Output: posterior and predictive monitoring, priors from history, selection.
Protocol section: none.
Method: beta-binomial; see the modules.
Next: `monitoring`.
"""
