"""How long did the patients of this trial live, improve, keep their grade?

Input: a trial and its protocol.
Output: the time-to-event endpoints of the protocol.
Protocol section: none.
Method: the records of `endpoints.time_to_event` through the other rooms of survival.
Next: `endpoints`.
"""
