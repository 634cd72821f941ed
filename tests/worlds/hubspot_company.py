"""A small company as a HubSpot portal holds it.

Sato (7) has two customers and hands over to Tanaka (8); Mori (6) looks after a contact
of one of them, Kato (5) is the manager, Gone (9) is deactivated. Tokyo Seiki has bought
once, has an open deal, a ticket and a task; Osaka Denki has a name and a won deal.
"""

from dataclasses import dataclass, field

from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Json

OWNERS: tuple[Json, ...] = (
    {"id": "5", "userId": 50, "email": "kato@example.jp", "lastName": "加藤"},
    {"id": "6", "userId": 60, "email": "mori@example.jp", "lastName": "森"},
    {"id": "7", "userId": 70, "email": "sato@example.jp", "lastName": "佐藤"},
    {"id": "8", "userId": 80, "email": "tanaka@example.jp", "lastName": "田中"},
    {"id": "9", "userIdIncludingInactive": 90, "email": "g@x.jp", "archived": True},
)
STAGES = (
    ("1", "商談中", {"isClosed": "false", "probability": "0.4"}),
    ("2", "受注", {"isClosed": "true", "probability": "1.0"}),
    ("3", "失注", {"isClosed": "true", "probability": "0.0"}),
)
PROPERTIES = {
    "companies": "name hubspot_owner_id description phone city state country",
    "contacts": "firstname lastname email phone jobtitle hubspot_owner_id "
    "hs_buying_role hs_email_bounce hs_email_optout",
    "deals": "dealname dealstage amount closedate hubspot_owner_id hs_next_step "
    "deal_currency_code closed_won_reason",
    "line_items": "name quantity amount",
    "orders": "hs_order_name hs_total_price hs_currency_code hubspot_owner_id "
    "hs_external_created_date",
    "calls": "hs_call_title hs_call_body hs_call_status hs_timestamp hubspot_owner_id",
    "meetings": "hs_meeting_title hs_meeting_body hs_meeting_outcome hs_timestamp "
    "hubspot_owner_id",
    "emails": "hs_email_subject hs_email_text hs_timestamp hubspot_owner_id",
    "notes": "hs_note_body hs_timestamp hubspot_owner_id",
    "tasks": "hs_task_subject hs_task_body hs_task_status hs_task_type hs_timestamp "
    "hubspot_owner_id",
    "tickets": "subject hs_pipeline_stage hubspot_owner_id createdate",
}


@dataclass
class Company:
    portal: Portal = field(default_factory=Portal)
    ids: dict[str, str] = field(default_factory=dict)

    def add(self, known: str, kind: str, /, *on: tuple[str, str], **values: str) -> str:
        """Add a record under a name, linked to others of a type by theirs."""
        self.ids[known] = key = self.portal.add(kind, **values)
        for other, other_name in on:
            self.portal.link(kind, key, other, self.ids[other_name])
        return key

    def owner(self, name: str, kind: str) -> str | None:
        return self.portal.owner(kind, self.ids[name])


def company() -> Company:
    made = Company()
    portal = made.portal
    portal.owners = [dict(owner) for owner in OWNERS]
    for kind, names in PROPERTIES.items():
        portal.define(kind, *names.split())
        portal.records[kind] = {}
    portal.pipelines = {
        "deals": [{"stages": [_stage(*stage) for stage in STAGES]}],
        "tickets": [
            {
                "stages": [
                    _stage("1", "受付", {"ticketState": "OPEN", "isClosed": "false"}),
                    _stage("2", "完了", {"ticketState": "CLOSED"}),
                ]
            }
        ],
    }
    portal.labels["contacts", "companies"] = [
        {"category": "USER_DEFINED", "label": "決裁者"}
    ]
    _fill(made)
    return made


def _stage(key: str, label: str, metadata: Json) -> Json:
    return {"id": key, "label": label, "metadata": metadata}


def _fill(made: Company) -> None:
    seiki, denki = ("companies", "seiki"), ("companies", "denki")
    mine = {"hubspot_owner_id": "7"}
    made.add(
        "seiki", "companies", name="東京精機", description="精密部品の加工", **mine
    )
    made.add("denki", "companies", name="大阪電機", **mine)
    made.add("other", "companies", name="名古屋工業", hubspot_owner_id="6")
    made.add(
        "hayashi",
        "contacts",
        lastname="林",
        email="hayashi@seiki.example.jp",
        jobtitle="購買課長",
        hs_buying_role="DECISION_MAKER;END_USER",
        **mine,
    )
    for name in ("seiki", "other"):
        kinds = (
            ("unlabeled", "primary", "決裁者") if name == "seiki" else ("unlabeled",)
        )
        person = made.ids["hayashi"]
        made.portal.link("contacts", person, "companies", made.ids[name], *kinds)
    made.add("ono", "contacts", seiki, lastname="小野", hubspot_owner_id="6")
    _trade(made)
    at = {"hs_timestamp": "2027-02-20T01:30:00Z"}
    made.add(
        "call",
        "calls",
        ("contacts", "hayashi"),
        hs_call_body="<p>次回は<b>見積</b>を持参</p>",
        hs_call_status="COMPLETED",
        **at,
        **mine,
    )
    made.add("visit", "meetings", seiki, hs_meeting_outcome="NO_SHOW", **at, **mine)
    made.add("mail", "emails", ("deals", "open"), hs_email_text="送付", **at, **mine)
    made.add("note", "notes", denki, hs_note_body="メモ", **at, **mine)
    made.add(
        "task",
        "tasks",
        seiki,
        hs_task_subject="見積を送る",
        hs_task_status="NOT_STARTED",
        hs_timestamp="2027-05-01T12:00:00Z",
        **mine,
    )
    made.add("ticket", "tickets", seiki, subject="納期", hs_pipeline_stage="1", **mine)


def _trade(made: Company) -> None:
    seiki, denki = ("companies", "seiki"), ("companies", "denki")
    mine = {"hubspot_owner_id": "7"}
    won = {"dealstage": "2", "closedate": "2026-10-01T00:00:00Z", "amount": "900000"}
    made.add("won", "deals", seiki, dealname="旋盤", **won, **mine)
    made.add("line", "line_items", ("deals", "won"), name="旋盤 X1", amount="900000")
    made.add("won2", "deals", denki, dealname="保守", **won, **mine)
    made.add(
        "open",
        "deals",
        seiki,
        dealname="増設",
        dealstage="1",
        closedate="2027-06-30",
        hs_next_step="訪問",
        **mine,
    )
    made.add(
        "order",
        "orders",
        denki,
        hs_order_name="治具",
        hs_total_price="5000",
        hs_external_created_date="2026-12-01",
    )
