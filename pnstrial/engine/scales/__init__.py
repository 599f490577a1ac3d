"""What of the other scales than the endpoint's does a simulated trial ask?

Input: the `scales` of a scenario, the scales, endpoint and decision of the protocol.
Output: distributions of scores by grade of the course; chances that what is asked of them holds.
Protocol section: scales, criteria, endpoint, decision.
Method: see the modules.
Next: `derived`.
"""
