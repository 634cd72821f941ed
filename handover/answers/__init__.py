"""What people told us: what customers confirmed, and the dates they agreed to.

One file and one table for each kind of answer, each recorded once with person and time.
Confirmations count as interactions in the audit; agreed dates bind the plan.
"""
