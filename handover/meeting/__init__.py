"""What people take along to a customer: the day of a salesperson, and the packs.

Everything shown of a customer is read in one place, ``customer``, from the mirror
alone: there is no second place for facts of customers. What was planned comes from the
plans.
"""
