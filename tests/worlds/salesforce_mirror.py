"""What the tests of Salesforce in the mirror share: an org, synced night by night."""

from pathlib import Path

from handover.mirror.sync import Synced
from tests.worlds.mirror import Mirrored, sums
from tests.worlds.salesforce import Call, Org, later
from tests.worlds.small_org import Company, opened

MAPPING = """\
[users]
object = "User"
[users.fields]
id = "Id"
name = "Name"
[accounts]
object = "Account"
[accounts.fields]
id = "Id"
name = "Name"
owner_id = "OwnerId"
phone = { field = "Phone", optional = true }
employees = { field = "NumberOfEmployees", optional = true }
is_deleted = "IsDeleted"
modified_at = "SystemModstamp"
[contacts]
object = "Contact"
[contacts.fields]
id = "Id"
account_id = "AccountId"
name = "Name"
is_deleted = "IsDeleted"
[[activities]]
object = "Visit__c"
[activities.fields]
id = "Id"
kind = { constant = "visit" }
is_done = { constant = "yes" }
happened_at = "VisitedOn__c"
text = "Report__c"
account_id = "Customer__c"
is_deleted = "IsDeleted"
"""
PAGES = {"User": 1, "Account": 4, "Contact": 3, "Visit__c": 2}


def kind_of(org: Org, call: Call) -> str:
    """Return which object's page a call asks for; empty if it is none of ours."""
    locator = call.path.rpartition("/")[2]
    if locator in org.locators:
        return str(org.locators[locator][0]["attributes"]["type"])
    kind = call.query.get("q", "").partition(" FROM ")[2].partition(" ")[0]
    return kind if kind in PAGES else ""


class Nights:
    """A mirror of an org, synced night by night."""

    def __init__(self, folder: Path, address: str, org: Company) -> None:
        self.org, self.address = org, address
        self.mill = Mirrored(folder, MAPPING)

    def sync(self, *, full: bool = False) -> Synced:
        crm = opened(self.address, self.org)
        synced = self.mill.sync(self.mill.source("salesforce", crm), full=full)
        sums(synced)
        return synced

    def names(self) -> dict[str, object]:
        """Return the names of living accounts as the mirror has them."""
        rows = self.mill.rows("accounts").values()
        return {str(r["id"]): r["name"] for r in rows if not r["is_deleted"]}


def names(org: Org) -> dict[str, object]:
    """Return the names of living accounts as the org has them."""
    rows = org.records["Account"].values()
    return {str(row["Id"]): row["Name"] for row in rows if not row["IsDeleted"]}


def filled() -> Company:
    """Make an org whose accounts, contacts and visits fill several pages."""
    org = Company()
    org.page = 10
    org.define("Account", "Name", "OwnerId", "Phone", "NumberOfEmployees")
    keys = org.accounts(35)
    for key in keys[:25]:
        org.edit("Account", key, Phone="03-5555-1234")
        org.add("Contact", AccountId=key, Name="鈴木")
    for key in keys[:15]:
        org.add(
            "Visit__c", Customer__c=key, VisitedOn__c="2027-02-01", Report__c="訪問"
        )
    later(org, hours=1)
    return org
