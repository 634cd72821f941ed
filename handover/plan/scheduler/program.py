"""A small integer program, solved by HiGHS within an effort that is no matter of time.

The same program has the same answer on every machine, whatever else it does: one
thread, a fixed seed, and limits on what is counted instead of on seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What is known of a program: that it has a solution, that it has none, neither."""

    status: Literal["feasible", "infeasible", "unknown"]
    values: Sequence[int] = ()
    """Of the columns, in their order."""


@dataclass
class Program:
    """Whole numbers within bounds, and rows that hold sums of them below a limit."""

    upper: list[int] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    _rows: list[tuple[Mapping[int, int], float, float]] = field(default_factory=list)

    def add_column(self, upper: int, cost: float = 0) -> int:
        """Add a whole number from 0 to a bound; return its number."""
        self.upper.append(upper)
        self.costs.append(cost)
        return len(self.upper) - 1

    def add_most(self, terms: Mapping[int, int], most: int) -> None:
        """Add a row: the sum of columns, each times its factor, is at most so much."""
        reachable = sum(f * self.upper[c] for c, f in terms.items() if f > 0)
        if reachable > most:
            self._rows.append((terms, float("-inf"), most))

    def add_exactly(self, terms: Mapping[int, int], amount: int) -> None:
        """Add a row: the sum of columns is exactly so much."""
        self._rows.append((terms, amount, amount))

    def solve(self, nodes: int) -> Solution:
        """Find a solution, or that there is none, within so many nodes of the tree."""
        import highspy

        highs = _open_quietly(highspy)
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("random_seed", 0)
        highs.setOptionValue("mip_max_nodes", nodes)
        highs.passModel(self._write(highspy))
        highs.run()
        status, statuses = highs.getModelStatus(), highspy.HighsModelStatus
        if status == statuses.kInfeasible:
            return Solution(status="infeasible")
        found = highspy.SolutionStatus.kSolutionStatusFeasible
        if highs.getInfo().primal_solution_status != int(found):
            return Solution(status="unknown")
        values = tuple(round(value) for value in highs.getSolution().col_value)
        return Solution(status="feasible", values=values)

    def _write(self, highspy: Any) -> Any:  # noqa: ANN401  # highspy has no types
        """Write the program as HiGHS reads it."""
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.upper), len(self._rows)
        lp.col_cost_ = self.costs
        lp.col_lower_ = [0.0] * len(self.upper)
        lp.col_upper_ = [float(bound) for bound in self.upper]
        lp.row_lower_ = [lower for _, lower, _ in self._rows]
        lp.row_upper_ = [upper for _, _, upper in self._rows]
        starts = [0]
        for terms, _, _ in self._rows:
            starts.append(starts[-1] + len(terms))
        matrix = lp.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.num_col_, matrix.num_row_ = lp.num_col_, lp.num_row_
        matrix.start_ = starts
        matrix.index_ = [column for terms, _, _ in self._rows for column in terms]
        matrix.value_ = [float(f) for terms, _, _ in self._rows for f in terms.values()]
        lp.integrality_ = [highspy.HighsVarType.kInteger] * len(self.upper)
        return lp


def _open_quietly(highspy: Any) -> Any:  # noqa: ANN401  # highspy has no types
    """Open HiGHS so that it prints nothing: turning its callbacks on greets people."""

    class Quiet(highspy.Highs):  # type: ignore[misc]  # of a library without types
        def enableCallbacks(self) -> None:  # noqa: N802  # HiGHS calls it so
            self.setOptionValue("output_flag", False)  # noqa: FBT003  # likewise

    return Quiet()
