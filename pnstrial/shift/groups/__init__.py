"""Does one group end better than another?

Input: grades or counts of two groups.
Output: wins, numbers needed to treat, planning, published trials.
Protocol section: none.
Method: see the modules.
Next: `wins`.
"""
