"""A solver that knows no plans: days, diaries, packing, the shortest period."""
