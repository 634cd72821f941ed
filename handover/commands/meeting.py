"""``handover meeting``: what people take along to customers, and what comes back."""

from handover.commands.shell import CommandEntry, group


@group(
    "meeting",
    {
        "pack": CommandEntry(
            at="handover.commands.meeting_papers:pack",
            help="Print what a successor has to know of each customer.",
        ),
        "sheet": CommandEntry(
            at="handover.commands.meeting_sheet:sheet",
            help="Print what each customer is asked, item by item.",
        ),
        "mail": CommandEntry(
            at="handover.commands.meeting_papers:mail",
            help="Write drafts of mails to the customers of a plan.",
        ),
        "calendar": CommandEntry(
            at="handover.commands.meeting_papers:calendar",
            help="Write the visits of a plan as a calendar of each person.",
        ),
        "record": CommandEntry(
            at="handover.commands.meeting_record:record",
            help="Record what a customer answered, item by item.",
        ),
        "import": CommandEntry(
            at="handover.commands.meeting_import:import_sheet",
            help="Record what was filled in in the workbook of meeting sheet.",
        ),
        "check": CommandEntry(
            at="handover.commands.meeting_check:check",
            help="Find days with too many visits in a calendar; exit 3 for any.",
        ),
        "accept": CommandEntry(
            at="handover.commands.meeting_accept:accept",
            help="Take over the customers that a plan gives you.",
        ),
        "return": CommandEntry(
            at="handover.commands.meeting_accept:give_back",
            help="Return customers to the manager, with why.",
        ),
    },
)
def meeting() -> None:
    """Prepare the meetings of a plan, and record what came of them."""
