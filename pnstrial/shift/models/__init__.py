"""What moves the odds of a better grade?

Input: grades, groups, covariates, visits.
Output: proportional odds, adjusted, mixed and transition models.
Protocol section: none.
Method: maximum likelihood; see the modules.
Next: `ordinal`.
"""
