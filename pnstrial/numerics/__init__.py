"""Which numerical methods do all subjects share?

Input: functions and numbers.
Output: roots, maxima, derivatives, checks of arguments: one of each.
Protocol section: none.
Method: see the modules.
Next: `arguments`.
"""
