"""How long it takes to audit a company, beside a plain pandas script.

    python tests/benchmarks/audit.py [ACCOUNTS]

Both read the same Parquet files and score every account; the script stops at the
scores, the audit also names its evidence. Printed are seconds (median of three), µs per
row of the mirror, peak memory, and the ratio. The scores of both have to be the same.
"""

import datetime as dt
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from handover.audit.engine import audit
from handover.mirror.generations import Generation
from handover.mirror.views import open_mirror
from handover.policy_file import load_policy
from tests.benchmarks.company import SOURCE, write_company

TODAY = dt.date(2027, 3, 31)
POLICY = load_policy()
WORDS = [*POLICY.placeholders.words]
QUALITY = {"ok": 1.0, "stale": 0.5}
"""Quality of a state; every other is 0."""


def audited(files: Mapping[str, Path]) -> dict[str, float]:
    """Score all accounts with the product."""
    generation = Generation(
        n=1,
        folder=files["accounts"].parent,
        files=files,
        sources={SOURCE: {}},
        published_at=dt.datetime(2027, 3, 31, tzinfo=dt.UTC),
    )
    zone = ZoneInfo("Asia/Tokyo")
    with open_mirror(
        generation, SOURCE, as_of=TODAY, zone=zone, currency="JPY"
    ) as mirror:
        found = audit(mirror, POLICY, TODAY).accounts
    return dict(zip(found["id"].to_pylist(), found["score"].to_pylist(), strict=True))


def days_ago(days: int) -> dt.date:
    """Count back from today."""
    return TODAY - dt.timedelta(days=days)


def text_quality(texts: pd.Series) -> pd.Series:
    """Judge texts: something that is no placeholder is there."""
    return (texts.notna() & ~texts.isin(WORDS)).astype(float)


class Script:
    """The plain way: frames, merges and group-bys, item by item."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Read all tables."""
        self.tables = {name: pd.read_parquet(file) for name, file in files.items()}
        self.accounts = self.tables["accounts"].set_index("id")
        self.points: list[tuple[str, int, pd.Series]] = []

    def each(self, group: str, weight: int, rows: pd.DataFrame, name: str) -> None:
        """Score an item row by row; accounts without rows are left out."""
        self.points.append((group, weight, rows.groupby("account_id")[name].mean()))

    def best(self, group: str, weight: int, rows: pd.DataFrame, name: str) -> None:
        """Score an item by its best row; accounts without rows have nothing."""
        found = rows.groupby("account_id")[name].max()
        found = found.reindex(self.accounts.index, fill_value=0.0)
        self.points.append((group, weight, found))

    def latest(self) -> pd.DataFrame:
        """Find the latest interaction of each account."""
        rows = self.tables["activities"]
        rows = rows[
            rows["kind"].isin(["call", "meeting", "visit", "email"])
            & rows["is_done"].eq(other=True)
            & (rows["happened_on"] <= TODAY)
            & ~rows["outcome"].isin(["no_answer", "cancelled"])
            & rows["handover_key"].isna()
        ]
        links = self.tables["activity_links"]
        targets = {
            "account": pd.DataFrame({"target_id": self.accounts.index}).assign(
                account_id=self.accounts.index
            ),
            "contact": self.tables["contacts"][["id", "account_id"]].rename(
                columns={"id": "target_id"}
            ),
            "opportunity": self.tables["opportunities"][["id", "account_id"]].rename(
                columns={"id": "target_id"}
            ),
        }
        resolved = pd.concat(
            links[links["target"] == target].merge(table, on="target_id")
            for target, table in targets.items()
        )
        columns = ["activity_id", "account_id"]
        rows = rows.merge(resolved[columns], left_on="id", right_on="activity_id")
        end_of_day = pd.to_datetime(rows["happened_on"], utc=True) + pd.Timedelta(
            hours=15, microseconds=-1
        )
        rows["moment"] = rows["happened_at"].where(rows["has_time"], end_of_day)
        rows = rows[rows["account_id"].isin(self.accounts.index)]
        return rows.sort_values(["moment", "id"]).groupby("account_id").tail(1)

    def contacts(self, latest: pd.DataFrame) -> None:
        """Score contacts and what people do."""
        rows = self.tables["contacts"]
        rows = rows[~rows["has_left"]].copy()
        stand_in = rows["name_norm"].str.contains("受付", na=False)
        rows["person"] = text_quality(rows["name_norm"]) * ~stand_in
        mail = rows["email_quality"].isin(["ok", "generic"]) & ~rows["email_bounced"]
        rows["reached"] = (mail | rows["phone_quality"].isin(["ok", "generic"])) * 1.0
        self.best("contacts", 2, rows, "person")
        own = self.accounts["phone_quality"].isin(["ok", "generic"]) * 1.0
        reached = rows.groupby("account_id")["reached"].max().reindex(own.index)
        seen = latest.set_index("account_id")["happened_on"].reindex(own.index)
        old = seen.notna() & (seen.fillna(TODAY) < days_ago(365))
        channel = own.combine(reached.fillna(0.0), max) * (1 - 0.5 * old)
        self.points.append(("contacts", 2, channel))
        present = rows[rows["reached"] > 0].copy()
        present["preference"] = text_quality(present["preferred_channel_norm"])
        self.best("contacts", 1, present, "preference")
        several = (present.groupby("account_id").size() >= 2) * 1.0
        self.points.append(("contacts", 1, several.reindex(own.index, fill_value=0.0)))
        title, department = (
            text_quality(present[name]) for name in ("title_norm", "department_norm")
        )
        present["role"] = title.combine(department, max)
        self.best("organisation", 2, present, "role")
        rows["decides"] = rows["role_norm"].str.contains("決裁", na=False) * 1.0
        self.best("organisation", 1, rows, "decides")
        business, industry = (
            text_quality(self.accounts[name])
            for name in ("business_norm", "industry_norm")
        )
        self.points.append(("organisation", 2, business.combine(industry, max)))

    def purchases(self) -> None:
        """Score what was bought."""
        opportunities = self.tables["opportunities"]
        won = opportunities[opportunities["is_won"]]
        lines = self.tables["line_items"].merge(
            won[["id", "account_id", "close_date", "reason_norm"]],
            left_on="opportunity_id",
            right_on="id",
        )
        lines["date"] = lines["date"].fillna(lines["close_date"])
        alone = won[~won["id"].isin(lines["opportunity_id"])]
        columns = ["account_id", "product_norm", "date", "reason_norm"]
        rows = pd.concat(
            [
                lines[columns],
                alone.rename(columns={"close_date": "date"})[columns],
                self.tables["orders"][columns],
            ]
        )
        rows = rows[rows["account_id"].isin(self.accounts.index)].copy()
        rows["product"] = text_quality(rows["product_norm"])
        rows["dated"] = (rows["date"].notna() & (rows["date"] <= TODAY)) * 1.0
        rows["reason"] = text_quality(rows["reason_norm"])
        recent = rows["date"].isna() | (rows["date"] >= days_ago(730))
        self.each("purchases", 2, rows, "product")
        self.each("purchases", 2, rows, "dated")
        self.each("purchases", 2, rows[recent], "reason")
        self.each("purchases", 1, rows[~recent], "reason")

    def opportunities(self, active: pd.Series) -> None:
        """Score what is under way."""
        rows = self.tables["opportunities"]
        rows = rows[
            ~rows["is_closed"] & rows["account_id"].isin(self.accounts.index)
        ].copy()
        rows["stage"] = text_quality(rows["stage_norm"])
        rows["date"] = (rows["close_date"] >= TODAY) * 1.0
        overdue = rows["next_step_date"] < days_ago(30)
        rows["step"] = text_quality(rows["next_step_norm"]) * (1 - 0.5 * overdue)
        rows["owner"] = rows["owner_id"].isin(active) * 1.0
        rows["sum"] = rows["amount"].notna() * 1.0
        for weight, name in ((2, "stage"), (2, "date"), (2, "step"), (2, "owner")):
            self.each("opportunities", weight, rows, name)
        self.each("opportunities", 1, rows, "sum")

    def interactions(self, latest: pd.DataFrame, active: pd.Series) -> None:
        """Score when we last talked and what the customer waits for."""
        known = latest.set_index("account_id")
        seen = known["happened_on"].reindex(self.accounts.index)
        important = self.accounts["customer_class"].isin(["key", "priority"])
        limit = important.map({True: days_ago(90), False: days_ago(180)})
        recent = (seen.fillna(dt.date.min) >= limit) * 0.5 + seen.notna() * 0.5
        created = self.accounts["created_at"].dt.tz_convert("Asia/Tokyo").dt.date
        self.points.append(
            ("interactions", 2, recent[seen.notna() | (created <= days_ago(30))])
        )
        self.points.append(("interactions", 1, text_quality(known["text_norm"])))
        requests = self.tables["requests"]
        requests = requests[requests["is_open"]].copy()
        answered = requests["owner_id"].isin(active)
        requests["answered"] = text_quality(requests["subject_norm"]) * answered
        self.each("interactions", 2, requests, "answered")

    def scores(self) -> dict[str, float]:
        """Score everything, add up the items of each group, then the groups."""
        users = self.tables["users"]
        active = users.loc[users["is_active"], "id"]
        latest = self.latest()
        self.contacts(latest)
        self.purchases()
        self.opportunities(active)
        self.interactions(latest, active)
        groups = []
        for group in dict.fromkeys(name for name, _, _ in self.points):
            items = [(w, points) for name, w, points in self.points if name == group]
            reached = pd.concat([w * p for w, p in items], axis=1).sum(axis=1)
            possible = pd.concat([w * p.notna() for w, p in items], axis=1).sum(axis=1)
            groups.append(100 * reached / possible.where(possible > 0))
        scores = pd.concat(groups, axis=1).mean(axis=1)
        return dict(scores.reindex(self.accounts.index))


def measured(name: str, folder: Path) -> None:
    """Run one of the two ways three times; print the median and the peak."""
    files = {file.stem: file for file in folder.glob("*.parquet")}
    seconds = []
    scores: dict[str, float] = {}
    for _ in range(3):
        start = time.perf_counter()
        scores = audited(files) if name == "audit" else Script(files).scores()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(statistics.median(seconds), peak)
    pd.Series(scores).sort_index().to_frame("score").to_csv(folder / f"{name}.csv")


def main() -> None:
    """Make the company, measure both ways in processes of their own, and compare."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_company(folder, accounts)
        rows = sum(len(pd.read_parquet(f, columns=["source"])) for f in files.values())
        found = {}
        for way in ("audit", "script"):
            call = [sys.executable, __file__, "--way", way, name]
            out = subprocess.run(call, check=True, capture_output=True, text=True)  # noqa: S603
            found[way] = tuple(map(float, out.stdout.split()))
        ours, plain = (
            pd.read_csv(folder / f"{way}.csv", index_col=0)["score"]
            for way in ("audit", "script")
        )
    furthest = (ours - plain).abs().max()
    assert furthest < 1e-6, f"scores differ by up to {furthest}"
    print(f"{accounts:,} accounts, {rows:,} rows, the same scores")
    for way, (seconds, peak) in found.items():
        each = 1e6 * seconds / rows
        print(f"{way:7} {seconds:6.2f} s  {each:5.2f} µs/row  {peak:6.0f} MB")
    print(f"script / audit: {found['script'][0] / found['audit'][0]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        measured(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
