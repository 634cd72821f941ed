"""Why nothing can be put together for a handover's meetings."""

from handover.errors import UsageProblem


class NotOfPlan(UsageProblem):
    """Somebody has no part in a plan (``user``, ``plan``, ``people``, ``date``)."""

    code = "not_of_plan"


class NotHandedOver(UsageProblem):
    """A plan leaves customers out (``plan``, ``accounts``)."""

    code = "not_handed_over"
