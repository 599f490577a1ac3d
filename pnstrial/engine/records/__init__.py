"""What would the collected tables of a simulated trial look like?

Input: `Protocol`, `Scenario`, the rows of the patients of one simulated trial.
Output: the tables a real trial has.
Protocol section: all of it.
Method: see the modules.
Next: `criteria`.
"""
