"""What people told us: confirmations of single items by the customer.

Recorded once with person and time; the audit counts them as interactions and shows
their share beside what the CRM records.
"""
