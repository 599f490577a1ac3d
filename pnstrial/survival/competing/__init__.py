"""Which event comes first, and in which state are the patients?

Input: times, causes, histories.
Output: incidence, state occupancy, their tests and models.
Protocol section: none.
Method: Aalen-Johansen; see the modules.
Next: `incidence`.
"""
