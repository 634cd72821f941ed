"""The handover plan: who is met, who is informed, when, and who agreed to it.

A plan is a frozen value that the rules, the calendar and people's edits lead to;
nothing here writes to a CRM. A manager approves exactly one content of it, and only
``load_approved`` turns that decision into the authority to transfer.
"""
