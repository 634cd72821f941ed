"""Findings that do not count in the score, and what could not be seen."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from handover.audit.engine import Audit
from handover.audit.model import (
    AsideFinding,
    InactiveOwner,
    LikelyDuplicates,
    NamedAccount,
    Orphan,
    OwnerFinding,
    SharedPerson,
    UnresolvedColumn,
    UnseenColumn,
)
from handover.mirror.views import Mirror
from mappings.text import one_form

PUT_ASIDE = Path(__file__).with_name("aside_by_account.sql")

_Key = tuple[str, str]
"""A source and an id."""

_LEGAL_FORMS = re.compile(
    r"株式会社|有限会社|合同会社|合資会社|合名会社|\((?:株|有|同)\)"
    r"|\b(?:co|company|ltd|limited|inc|corp|corporation|llc|gmbh|k\.?k)\b\.?"
)
_GAPS = re.compile(r"[\s.,・･'’()-]+")


def orphans(mirror: Mirror, owners: Collection[str] | None = None) -> list[Orphan]:
    """List open opportunities on no account, or on one that is not in the mirror.

    Args:
        mirror: one source.
        owners: whose; None is everybody's.
    """
    rows = mirror.rows(
        """
        select id, name, owner_id from opportunities
        where not coalesce(is_closed, is_won, false)
            and (account_id is null or account_id not in (select id from all_accounts))
            and ($everybody or list_contains($owners, owner_id))
        order by id
        """,
        everybody=owners is None,
        owners=[*(owners or ()), ""],
    )
    return [Orphan(source=mirror.source, object="opportunities", **row) for row in rows]


def inactive_owners(owners: Iterable[OwnerFinding]) -> list[InactiveOwner]:
    """List owners who are no active users and still own accounts."""
    return [
        InactiveOwner(
            source=owner.source, id=owner.id, name=owner.name, accounts=owner.accounts
        )
        for owner in owners
        if owner.id is not None and not owner.is_active
    ]


def shared_people(mirror: Mirror) -> list[SharedPerson]:
    """List persons who stand on several accounts, by link or by a personal address."""
    rows = mirror.rows(
        """
        with persons as (
            select
                account_id, id, name,
                if(usable_email_quality = 'ok', lower(trim(email)), id) as same
            from people where not coalesce(has_left, false)
        )
        select
            $source as source,
            list_sort(list(distinct id)) as contact_ids,
            min(name) as name,
            list_sort(list(distinct account_id)) as account_ids
        from persons
        group by same
        having count(distinct account_id) > 1
        order by contact_ids
        """,
        source=mirror.source,
    )
    return [SharedPerson(**row) for row in rows]


def put_aside(mirror: Mirror, *, everybody: bool) -> list[AsideFinding]:
    """List what the sync put aside, by account.

    Args:
        mirror: one source, perhaps narrowed to some accounts.
        everybody: also what belongs to no account.
    """
    rows = mirror.rows(PUT_ASIDE.read_text(encoding="utf-8"), everybody=everybody)
    return [AsideFinding(**row) for row in rows]


def unresolved(mirror: Mirror) -> list[UnresolvedColumn]:
    """List the columns whose references lead nowhere in the mirror."""
    rows = mirror.rows("from unresolved order by table_name, column_name")
    return [
        UnresolvedColumn(
            source=mirror.source,
            table=row["table_name"],
            column=row["column_name"],
            count=row["count"],
            examples=row["examples"],
        )
        for row in rows
    ]


def duplicates(audits: Iterable[Audit]) -> list[LikelyDuplicates]:
    """List accounts that are likely one customer, by web domain or plain name.

    Ambiguous are those of several sources that do not go one to one, and those of one
    name that have several domains.
    """
    alike: dict[tuple[str, str], list[NamedAccount]] = defaultdict(list)
    domains: dict[_Key, str] = {}
    for audit in audits:
        for row in audit.accounts.select(["id", "name", "website"]).to_pylist():
            one = NamedAccount(source=audit.source, id=row["id"], name=row["name"])
            site = domains[_key(one)] = domain(row["website"] or "")
            for by, value in (("name", plain_name(row["name"])), ("domain", site)):
                if value:
                    alike[by, value].append(one)
    groups = {key: same for key, same in sorted(alike.items()) if len(same) > 1}
    met = _met([{_key(one) for one in same} for same in groups.values()])
    return [
        LikelyDuplicates(
            by=by,
            value=value,
            ambiguous=_is_ambiguous(met[_key(same[0])])
            or (by == "name" and len({domains[_key(one)] for one in same} - {""}) > 1),
            accounts=same,
        )
        for (by, value), same in groups.items()
    ]


def _key(account: NamedAccount) -> _Key:
    return account.source, account.id


def _met(groups: Iterable[set[_Key]]) -> dict[_Key, set[_Key]]:
    """Bring groups that share an account together; return each account's group."""
    found: dict[_Key, set[_Key]] = {}
    for group in groups:
        whole = group.union(*(found.get(one, set()) for one in group))
        found.update(dict.fromkeys(whole, whole))
    return found


def _is_ambiguous(accounts: Collection[_Key]) -> bool:
    """Return whether several sources are there and one of them more than once."""
    sources = Counter(source for source, _ in accounts)
    return len(sources) > 1 and max(sources.values()) > 1


def plain_name(name: str) -> str:
    """Return a company's name without legal form, width, case, blanks and variants."""
    text = one_form(name).casefold()
    return _GAPS.sub("", _LEGAL_FORMS.sub(" ", text))


def domain(website: str) -> str:
    """Return the domain of a website, without www; empty where it is none."""
    text = website.strip().lower()
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:  # a bracket that is no IPv6 address: no website
        return ""
    return host.removeprefix("www.") if "." in host else ""


def unmapped(audit: Audit) -> list[UnseenColumn]:
    """List the columns that items need and this source does not show."""
    return [
        UnseenColumn(
            source=audit.source,
            table_name=row["table_name"],
            column_name=row["column_name"],
            status=row["status"],
            items=row["items"],
        )
        for row in audit.columns.to_pylist()
        if row["status"] != "mapped"
    ]


def unseen_items(audit: Audit) -> dict[str, dict[str, list[str]]]:
    """Return the items of which nothing is mapped or something is hidden.

    Returns:
        Columns by item, under ``unreadable`` and ``unmapped``.
    """
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for row in audit.columns.to_pylist():
        for item in row["items"]:
            seen[item][f"{row['table_name']}.{row['column_name']}"] = row["status"]
    found: dict[str, dict[str, list[str]]] = {"unreadable": {}, "unmapped": {}}
    for item in audit.policy.enabled:
        columns = seen[item.code]
        hidden = [name for name, status in columns.items() if status == "unreadable"]
        if hidden:
            found["unreadable"][item.code] = hidden
        elif set(columns.values()) == {"unmapped"}:
            found["unmapped"][item.code] = list(item.columns)
    return found


def unknown_classes(audit: Audit) -> dict[str, int]:
    """Count the customer classes that the mapping does not know."""
    found: dict[str, int] = defaultdict(int)
    for value in audit.accounts["unknown_class"].to_pylist():
        if value is not None:
            found[value] += 1
    return dict(sorted(found.items()))
