"""How did the same patients move between two ratings?

Input: earlier and later grades.
Output: exact tests of change, homogeneity, utilities, missing ratings.
Protocol section: none.
Method: see the modules.
Next: `change`.
"""
