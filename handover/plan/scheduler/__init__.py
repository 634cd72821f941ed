"""A solver that knows no plans: days, diaries, packing, the shortest period.

``solve(problem) -> Schedule`` is all that others call to schedule visits. A ``Need`` is
one visit; what is said about it decides how far the scheduler may go:

- ``agreed``: the slot that the customer agreed to. It stands there whatever happens.
- ``date``, ``time``: what a person set. There or nowhere.
- ``use_reserve``: a person decided that it takes place; it may use the slots that are
  kept for changes. All others leave them free. Pinned visits may use them anyway.
- ``VisitProblem.kept``: the slots of the version before. They stay if they can: one
  more visit or one less moves no other, unless nothing else finds it a place.

Visits are spread over the period (``soon=True``: as soon as possible). The shortest
period is that of the musts nobody pinned: ``minimum_days`` was found, ``bound`` is
proved, ``is_proved`` says that they meet. ``solve(problem, prove=False)`` spares the
proof, for trials of which only the slots matter.

``refusals.find_refusal`` and ``list_refusals`` return a ``NoSlot``: the one true cause
why a visit has no slot, on a day or at all. ``Schedule.rooms`` says for each seller how
many slots there are (days × visits) and how many of them are kept for changes.
``travel.Area`` is where a customer is, ``travel.Travel`` how long ways take.
"""
