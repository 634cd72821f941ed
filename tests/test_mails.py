"""Drafts of mails: what they say, to whom, and that no name gets into a header."""

import datetime as dt
import email
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from handover.i18n import words_for
from handover.ledger.states import Mode
from handover.meeting.customer import Channel, CustomerFacts, CustomerPerson
from handover.meeting.mails import MailDraft, MailOffice, NoMail, find_receiver
from handover.paper.mail_file import Mailbox, write_mail
from handover.plan.model import Plan
from handover.plan.view import Audience
from mappings.reachable import find_address
from mappings.text import Placeholders
from tests.worlds.files_folder import PLAN, PLANNED, Job
from tests.worlds.hostile import hostile_names
from tests.worlds.small_company import (
    TODAY,
    account,
    key_account,
    people,
    plan_of,
    row_of,
)

GOLDEN = Path(__file__).with_name("golden") / "meeting"
MAILS = {"P": "sato@example.jp", "S": "tanaka@example.jp", "M": "takahashi@example.jp"}


def office(plan: Plan, language: str = "en", **known: Any) -> MailOffice:
    who = people(
        P={"email": MAILS["P"], "team": "営業一課"},
        S={"email": MAILS["S"], "team": "営業二課", "title": "課長", "phone": "03-5"},
        M={"email": MAILS["M"]},
    )
    given: dict[str, Any] = {
        "plan": plan,
        "people": who,
        "audience": Audience(words=words_for(language), name=who.name, currency="JPY"),
        "honorific": "御中",
        "placeholders": Placeholders(["unknown", "不明"]),
        "as_of": TODAY,
    }
    return MailOffice(**{**given, **known})


def person(number: str, name: str, address: str | None, **known: Any) -> CustomerPerson:
    trouble = known.pop("trouble", None)
    channel = Channel(value=address, trouble=trouble) if address else None
    return CustomerPerson(id=number, name=name, email=channel, **known)


def facts(key: str, *persons: CustomerPerson) -> CustomerFacts:
    return CustomerFacts(source="files", id=key, name=key, people=persons)


PLAN_OF_TWO = plan_of([key_account(1), account(2)])
CUSTOMERS = {
    "A01": facts("A01", person("C01a", "山田 太郎", "yamada@kyaku.example.jp")),
    "A02": facts(
        "A02", person("C02a", "受付", "info@kyaku.example.jp", is_named=False)
    ),
}


def write(
    plan: Plan = PLAN_OF_TWO, language: str = "en", **known: Any
) -> tuple[list[MailDraft], list[NoMail]]:
    return office(plan, language, **known).write(plan.rows, CUSTOMERS)


def parse(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


# What they say


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("who", ["there", "absent"])
def test_the_mails_read_as_they_are_kept_here(language: str, who: str) -> None:
    plan = plan_of([key_account(1), account(2)], absent=who == "absent")
    drafts, none = write(plan, language)
    assert none == []
    shown = "".join(
        f"{draft.sender_box} → {draft.to}\n{draft.subject}\n\n{draft.text}\n"
        for draft in drafts
    )
    golden = GOLDEN / f"mails-{who}.{language}.txt"
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_has_thanks_the_successor_and_the_exact_day(language: str) -> None:
    drafts, _ = write(language=language)
    thanks = {"en": "Thank you", "ja": "御礼申し上げます"}[language]
    day = office(PLAN_OF_TWO, language).audience.day(PLAN_OF_TWO.effective)
    assert [draft.by for draft in drafts] == ["predecessor", "successor"] * 2
    for draft in drafts:
        for said in (thanks, day, "田中", "営業二課", MAILS["P"], MAILS["S"]):
            assert said in draft.text, (draft.by, said)


def test_who_is_met_gets_a_proposal_and_who_is_informed_gets_none() -> None:
    drafts, _ = write()
    visit = row_of(PLAN_OF_TWO, "A01").visit
    assert visit is not None
    times = f"{visit.start} to {visit.end}"
    assert [times in draft.text for draft in drafts] == [True, True, False, False]
    assert "Dear 山田 太郎" in drafts[0].text
    assert "Dear Sir or Madam" in drafts[2].text
    assert "受付" not in drafts[2].text


@pytest.mark.parametrize("away", [{"absent": True}, {"predecessor": "X"}])
def test_the_manager_writes_for_who_is_not_there(away: dict[str, Any]) -> None:
    plan = plan_of([key_account(1)], **away)
    drafts, _ = write(plan)
    assert [draft.by for draft in drafts] == ["manager", "successor"]
    assert drafts[0].sender_box == Mailbox(name="高橋", address=MAILS["M"])
    assert MAILS["M"] in drafts[1].text


def test_who_gets_none_is_said_with_the_reason() -> None:
    row = row_of(PLAN_OF_TWO, "A01")
    assert row.visit is not None
    over = row.visit.model_copy(update={"date": TODAY - dt.timedelta(1)})
    changes: dict[str, dict[str, Any]] = {
        "carried_out": {"state": "owner_changed"},
        "successor": {"successor_id": None},
        "held": {"mode": Mode.HOLD, "visit": None, "until": TODAY},
        "visited": {"visit": over},
        "declined": {"visit": row.visit.model_copy(update={"state": "declined"})},
    }
    for why, change in changes.items():
        changed = row.model_copy(update=change)
        drafts, none = office(PLAN_OF_TWO).write([changed], CUSTOMERS)
        assert ([each.why for each in none], drafts) == ([why], []), why


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_is_agreed_is_asked_no_more(language: str) -> None:
    row = row_of(PLAN_OF_TWO, "A01")
    assert row.visit is not None
    visit = row.visit.model_copy(update={"state": "agreed"})
    changed = row.model_copy(update={"visit": visit})
    drafts, _ = office(PLAN_OF_TWO, language).write([changed], CUSTOMERS)
    asked = {"en": "?", "ja": "ご都合はいかが"}[language]
    assert [draft.by for draft in drafts if asked in draft.text] == []
    assert all(visit.start in draft.text for draft in drafts)


# To whom


def test_the_first_who_is_met_and_may_be_written_to_gets_it() -> None:
    row = row_of(PLAN_OF_TWO, "A01")
    bounced = person("C01a", "Met", "met@x.example.jp", trouble="bounced")
    gone = person("C3", "Gone", "gone@x.example.jp", has_left=True)
    other = person("C4", "Other", "other@x.example.jp")
    found = find_receiver(row, facts("A01", bounced, gone, other))
    assert found == other
    assert find_receiver(row, facts("A01", bounced, gone)) == bounced
    assert find_receiver(row, facts("A01", gone)) is None
    drafts, _ = office(PLAN_OF_TWO).write([row], {"A01": facts("A01", bounced)})
    assert [draft.to for draft in drafts] == [None, None]


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("a.b@c.example.jp", "a.b@c.example.jp"),
        ("Taro <taro@c.example.jp>; info@c.example.jp", "taro@c.example.jp"),
        ("info@c.example.jp, taro@c.example.jp", "taro@c.example.jp"),
        ("mailto:taro@c.example.jp", "taro@c.example.jp"),
        ("taro..x.@docomo.ne.jp", "taro..x.@docomo.ne.jp"),
        ("info@c.example.jp", "info@c.example.jp"),
        ("不明@c.example.jp", None),
        ("noreply@c.example.jp", None),
        ("taro", None),
    ],
)
def test_one_address_is_taken_out_of_a_cell(cell: str, address: str | None) -> None:
    assert find_address(cell, Placeholders(["不明"])) == address


# What a mail program reads


def test_no_name_gets_into_a_header_or_ends_one() -> None:
    for name in hostile_names(400):
        check_headers(name)


def check_headers(name: str) -> None:
    box = Mailbox(name=name, address="taro@c.example.jp")
    content = write_mail(sender=box, to=box, subject=name, text=f"{name}\nend")
    message = parse(content)
    assert set(message.keys()) <= {
        *("Subject", "From", "To", "X-Unsent", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }
    assert len(message.get_all("From") or []) == 1
    assert [a.addr_spec for a in message["To"].addresses] == [box.address]
    assert message.get_content().splitlines()[-1] == "end"
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "address",
    [
        "x@y.jp\r\nBcc: a@b.c",
        "a@b.c, d@e.f",
        "a@b@c.d",
        "たろう@c.example.jp",
        "",
        "@c.d",
        "a@",
    ],
)
def test_what_is_no_address_is_left_out(address: str) -> None:
    box = Mailbox(name="Taro", address=address)
    message = parse(write_mail(sender=box, to=box, subject="x", text="y"))
    assert (message["From"], message["To"], message["Bcc"]) == (None, None, None)


def test_the_files_are_drafts_of_their_owner_alone(agreed: Job) -> None:
    head = "id,account_id,name,title,phone,owner_id"
    agreed.edit("contacts.csv", head, f"{head},email")
    agreed.edit(
        "contacts.csv", "03-1234-5678,P", "03-1234-5678,P,yamada@aoba.example.jp"
    )
    assert agreed("sync").code == 0
    words = ("meeting", "mail", PLAN, "--as-of", PLANNED)
    assert agreed.cli(*words, "-o", "mails").code == 0
    paths = sorted((agreed.folder / "mails").iterdir())
    assert len(paths) == 12
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    (path,) = (p for p in paths if p.name == "青葉商事-A1-1-predecessor.eml")
    message = parse(path.read_bytes())
    assert str(message["To"]) == "山田 太郎 <yamada@aoba.example.jp>"
    assert str(message["From"]) == "Sato <sato@example.jp>"
    assert message["X-Unsent"] == "1"
    assert "Mon, 15 March 2027" in message.get_content()
    listed = agreed.cli(*words).out
    assert "(no address)" in listed
    assert "-o FOLDER" in listed
    data = agreed("meeting", "mail", PLAN, "--account", "A1").data
    assert [mail["from"] for mail in data["mails"]] == [
        *("sato@example.jp", "tanaka@example.jp")
    ]


def test_there_are_none_before_the_announcement(agreed: Job) -> None:
    early = agreed("meeting", "mail", PLAN, on="2027-02-20")
    assert (early.code, early.json["error"]["code"]) == (5, "not_announced")
    reason = ("--before-announcement", "x", "--as", "M")
    assert agreed("meeting", "mail", PLAN, *reason, on="2027-02-20").code == 0
