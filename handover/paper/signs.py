"""The marks that Japanese readers grade with.

They stand before words, never instead of them, and survive a cp932 console.
"""

GOOD = "○"
DOUBTFUL = "△"
BAD = "×"
NOT_GRADED = "-"
