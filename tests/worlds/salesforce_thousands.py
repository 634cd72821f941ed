"""Two thousand owners and as many tasks on a loopback org, as runs write them."""

from collections import Counter
from pathlib import Path

from connectors.salesforce import open_salesforce
from tests.worlds.salesforce import KEY, Call
from tests.worlds.salesforce_http import serve
from tests.worlds.small_org import Company
from tests.worlds.thousands import carry_out, compare


def hand_over(folder: Path, count: int) -> Counter[str]:
    """Walk both runs, and count the calls by what they are for."""
    org = Company()
    keys = org.accounts(count)
    tasks = [org.task(key, n=n) for n, key in enumerate(keys)]
    with serve(org) as address:
        connector = open_salesforce(
            {
                "base_url": address,
                "auth": "access_token",
                "token": org.token,
                "task_key": KEY,
            }
        )
        carry_out(folder, connector, org.tanaka, org.moves(keys), tasks)
        assert compare(folder, connector) == 2 * count
    assert len(org.commits) == 2 * count
    assert org.owners(keys) == {org.tanaka}
    return Counter(map(_kind, org.calls))


def _kind(call: Call) -> str:
    """Tell writes from reads of what is written and of what a run looks up first."""
    if isinstance(call.body, dict) and "records" in call.body:
        return "writes"
    text = f"{call.path} {call.query.get('q')} {call.body}"
    around = ("describe", "FROM Organization", "userinfo", "sobjects/User")
    return "calls to look around" if any(a in text for a in around) else "reads"
