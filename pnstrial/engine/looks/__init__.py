"""How does a design with looks run on patients whose outcomes come months later?

Input: a design of `pnstrial.design`, simulated patients.
Output: what the design decides at each look, and on which day.
Protocol section: design, endpoint.
Method: see the modules.
Next: `boundaries`.
"""
