"""What is known of events seen only at visits?

Input: intervals that hold the event.
Output: Turnbull's curve, interval regression, a proportional-hazards model.
Protocol section: none.
Method: nonparametric maximum likelihood; see the modules.
Next: `turnbull`.
"""
