"""The command line: which commands there are, and where.

A command's module is imported when it is run; ``--help`` needs only this table.
"""

import os
import sys

from handover import __version__
from handover.commands.shell import CommandEntry, Group, run
from handover.commands.streams import fill_closed_streams

COMMANDS = {
    "init": CommandEntry(
        at="handover.commands.init:init", help="Set up a working folder."
    ),
    "doctor": CommandEntry(
        at="handover.commands.doctor:doctor", help="Check the set-up, with remedies."
    ),
    "sync": CommandEntry(
        at="handover.commands.sync:sync", help="Copy the CRM's facts into the mirror."
    ),
    "audit": CommandEntry(
        at="handover.commands.audit:audit",
        help="Measure whether what must be handed over is there.",
    ),
    "show": CommandEntry(
        at="handover.commands.show:show", help="Show one account with its evidence."
    ),
    "plan": CommandEntry(
        at="handover.commands.plan:plan",
        help="Draw up, show, edit and decide on handover plans.",
    ),
    "reassign": CommandEntry(
        at="handover.commands.transfer:reassign",
        help="Change the owners of approved accounts.",
    ),
    "tasks": CommandEntry(
        at="handover.commands.tasks:tasks",
        help="Ask owners for what is lacking, and write what customers answered.",
    ),
    "undo": CommandEntry(
        at="handover.commands.transfer:undo",
        help="Take a run back. RUN is its id, or last.",
    ),
    "meeting": CommandEntry(
        at="handover.commands.meeting:meeting",
        help="Prepare the meetings of a plan, and record what came of them.",
    ),
    "status": CommandEntry(
        at="handover.commands.status:status",
        help="Show where plans stand: whom they wait for, and what is late.",
    ),
    "report": CommandEntry(
        at="handover.commands.report:report",
        help="Report what came of a plan, customer by customer.",
    ),
    "close": CommandEntry(
        at="handover.commands.closing:close",
        help="Close a handover that was reported, and its tasks in the CRM.",
    ),
    "leaver": CommandEntry(
        at="handover.commands.leaver:leaver",
        help="List what somebody still owns; exit 3 while anything is left.",
    ),
    "history": CommandEntry(
        at="handover.commands.history:history",
        help="List who had a customer, and what was planned, said and done.",
    ),
    "runs": CommandEntry(
        at="handover.commands.runs:runs", help="List and verify what was written."
    ),
    "purge": CommandEntry(
        at="handover.commands.purge:purge",
        help="Erase a person from mirror, ledger and run files, for good.",
    ),
    "policy": CommandEntry(
        at="handover.commands.policy:policy", help="Show and check the rules."
    ),
    "mapping": CommandEntry(
        at="handover.commands.mapping:mapping",
        help="Show and check where the CRM keeps what.",
    ),
    "schedule": CommandEntry(
        at="handover.commands.schedule:schedule",
        help="Print the nightly sync and audit as cron line, units or task.",
    ),
    "completion": CommandEntry(
        at="handover.commands.help:completion",
        help="Print the completion script of a shell.",
    ),
    "help": CommandEntry(
        at="handover.commands.help:topics", help="Explain exit codes and more."
    ),
}

handover = Group(
    "handover",
    COMMANDS,
    help="Turn the handover of customers between salespeople into a managed process.",
    version=__version__,
)


def main() -> None:
    """Run the command line of this process and end it."""
    # Each thread of the linear algebra in pandas takes memory, and we use none of it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a character shows a stand-in instead of failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.exit(run(handover, sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
