"""The handover of customers between salespeople as a managed process.

The way of the data: ``mirror`` copies the CRM's facts, ``audit`` measures whether what
must be handed over is there, ``plan`` decides who is met, ``transfer`` writes approved
plans back exactly once. ``commands`` is the terminal's view of all of it.
"""

__version__ = "0.1.0"
