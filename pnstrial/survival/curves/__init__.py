"""How long until an event, and do groups differ?

Input: times and events.
Output: survival curves with limits, rank tests, restricted means.
Protocol section: none.
Method: see the modules.
Next: `kaplan_meier`.
"""
