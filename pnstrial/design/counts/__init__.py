"""What does a count of responders say, and what does rating error do to it?

Input: responders among patients.
Output: exact intervals and tests; outcomes of a design with their probabilities.
Protocol section: none.
Method: binomial distribution; see the modules.
Next: `proportion`.
"""
