"""Which covariates change the hazard?

Input: times, events, covariates.
Output: Cox models with tests, residuals, Firth's penalty, frailty.
Protocol section: none.
Method: partial likelihood; see the modules.
Next: `fit`.
"""
