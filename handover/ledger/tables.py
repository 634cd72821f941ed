"""What people decided and what the product did, as tables.

Nothing here can be rebuilt from the CRM. JSON columns hold values that are read whole;
what is looked up or summed stands in columns of its own. Queries live in the folder
that owns their subject.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# Times are ISO 8601 texts in UTC: they sort, and SQLite has no type for them.

generations = Table(
    "generations",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("published_at", String, nullable=False),
    Column("schema_version", Integer, nullable=False),
    # {table: {"file": path below mirror/, "rows": n, "bytes": n}}
    Column("files", JSON, nullable=False),
    # {source: {"org_id", "org_name", "synced_at", "rejects", "announcements": [...]}}
    Column("sources", JSON, nullable=False),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("source", String, primary_key=True),
    Column("object", String, primary_key=True),
    Column("mark", String),
    Column("mapping_hash", String, nullable=False),
    Column("translation_version", Integer, nullable=False),
    Column("visible_hash", String, nullable=False),
    Column("swept_at", String),
    Column("generation", Integer, ForeignKey("generations.n"), nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("hash", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("first_used_at", String, nullable=False),
)

audits = Table(
    "audits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", Integer, ForeignKey("generations.n"), nullable=False),
    Column("source", String, nullable=False),
    Column("policy_hash", String, ForeignKey("policies.hash"), nullable=False),
    Column("as_of", String, nullable=False),
    Column("at", String, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("ready", Integer, nullable=False),
    Column("score", Float),
)

audit_owners = Table(
    "audit_owners",
    metadata,
    Column("audit_id", Integer, ForeignKey("audits.id"), primary_key=True),
    Column("source", String, primary_key=True),
    Column("owner_id", String, primary_key=True),  # "" for unowned accounts
    Column("team", String),
    Column("accounts", Integer, nullable=False),
    Column("ready", Integer, nullable=False),
    Column("score", Float),
)

audit_accounts = Table(
    "audit_accounts",
    metadata,
    Column("audit_id", Integer, ForeignKey("audits.id"), primary_key=True),
    Column("source", String, primary_key=True),
    Column("account_id", String, primary_key=True),
    Column("ready", Boolean, nullable=False),
    Column("score", Float),
)

plans = Table(
    "plans",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("predecessor_id", String, nullable=False),
    Column("reorganisation", String),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("author_id", String),  # who submitted the first version
    Column("created_at", String, nullable=False),
    Index("ix_plans_predecessor_id", "source", "predecessor_id"),
)

plan_versions = Table(
    "plan_versions",
    metadata,
    Column("plan_id", String, ForeignKey("plans.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", JSON, nullable=False),  # handover.plan.model.Plan
    Column("fingerprint", String, nullable=False),
    Column("policy_hash", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("made_by", String),
    Column("made_at", String, nullable=False),
    Column("cause", String, nullable=False),  # new, edit, amend, import, terms
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("plan_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),
    # submit, approve, reject, void, report, close
    Column("decision", String, nullable=False),
    Column("person_id", String, nullable=False),
    Column("as_delegate", Boolean, nullable=False, default=False),
    Column("actor", String, nullable=False),  # the OS user or the proxy's identity
    Column("host", String, nullable=False),
    Column("tool_version", String, nullable=False),
    Column("evidence", JSON, nullable=False),  # {"kind": session|proxy|file, "sha256"}
    Column("on_behalf", String),
    Column("reason", String),
    Column("at", String, nullable=False),
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
    ForeignKeyConstraint(
        ["plan_id", "version"], ["plan_versions.plan_id", "plan_versions.version"]
    ),
    Index("ix_decisions_plan_id", "plan_id", "version"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("serial", Integer, nullable=False, server_default="0"),  # counted from 1
    # reassign, publish, end, close, undo
    Column("kind", String, nullable=False),
    Column("source", String, nullable=False),
    Column("org_id", String, nullable=False),
    Column("plan_id", String),
    Column("plan_version", Integer),
    Column("undoes", String, ForeignKey("runs.id")),
    Column("state", String, nullable=False),  # running, finished, partial, interrupted
    Column("actor", String, nullable=False),
    Column("person_id", String),
    Column("reason", String),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("window_seconds", Float),  # longest time between a last read and its write
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
)

steps = Table(
    "steps",
    metadata,
    Column("run_id", String, ForeignKey("runs.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("account_id", String),
    Column("action", String, nullable=False),
    Column("object", String, nullable=False),  # the CRM's own
    Column("record_id", String),  # the CRM's own; null until a create is done
    Column("field", String),
    Column("before", Text),
    Column("after", Text),
    Column("key", String),  # of a create
    Column("values", JSON),  # of a create: {"values": {...}, "links": {...}}
    Column("authority", String, nullable=False),
    Column("outcome", String, nullable=False),  # planned intent done skipped ...
    Column("code", String),
    Column("message", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("intended_at", String),
    Column("settled_at", String),
    Index("ix_steps_record_id", "source", "object", "record_id"),
    Index("ix_steps_key", "key"),
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("plan_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("item", String, nullable=False),
    Column("table_name", String),
    Column("record_id", String),
    Column("column_name", String),
    # confirmed, corrected, unknown, not_applicable
    Column("result", String, nullable=False),
    Column("before", Text),  # what the CRM had for it, in canonical words
    Column("value", Text),  # what the customer says instead
    Column("person", String, nullable=False),  # the contact's id
    Column("at", String, nullable=False),
    Column("recorded_by", String, nullable=False),
    Column("recorded_at", String, nullable=False),
    Column("actor", String),  # the OS user or the proxy's identity
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
    Index("ix_confirmations_account_id", "source", "account_id"),
)

agreements = Table(
    "agreements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("plan_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("answer", String, nullable=False),  # agreed, declined
    Column("date", String, nullable=False),  # of the visit that was answered
    Column("start", String, nullable=False),  # HH:MM in the configured zone
    Column("reason", Text),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),  # the user who says so
    Column("recorded_at", String, nullable=False),
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
    Index("ix_agreements_plan_id", "plan_id", "account_id"),
)

remarks = Table(
    "remarks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("plan_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("kind", String, nullable=False),  # note, need, missed
    Column("text", Text),  # null once it was erased
    Column("amount", String),  # of a need, in the default currency
    Column("at", String, nullable=False),
    Column("recorded_by", String, nullable=False),
    Column("recorded_at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("rehearsed_on", String),
    Index("ix_remarks_account_id", "source", "account_id"),
)

acceptances = Table(
    "acceptances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("plan_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("answer", String, nullable=False),  # accepted, returned
    Column("reason", Text),
    Column("recorded_by", String, nullable=False),  # the successor
    Column("recorded_at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
    Index("ix_acceptances_plan_id", "plan_id", "account_id"),
)

owner_history = Table(
    "owner_history",
    metadata,
    Column("source", String, primary_key=True),
    Column("account_id", String, primary_key=True),
    Column("generation", Integer, ForeignKey("generations.n"), primary_key=True),
    Column("before", String),
    Column("after", String),
    Column("seen_at", String, nullable=False),
    Column("run_id", String),  # ours, else an unmanaged change
    Column("team", String),
)

names = Table(
    "names",
    metadata,
    Column("source", String, primary_key=True),
    Column("table_name", String, primary_key=True),  # users, accounts
    Column("record_id", String, primary_key=True),
    Column("generation", Integer, primary_key=True),  # from which on it was so called
    Column("name", String, nullable=False),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("seen_at", String, nullable=False),  # of the change in owner_history
    Column("reason", Text, nullable=False),
    Column("recorded_by", String, nullable=False),  # the manager
    Column("recorded_at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("rehearsed_on", String),  # the day taken for today; null in earnest
    Index("ix_acknowledgements_account_id", "source", "account_id"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("source", String, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("digest", String, primary_key=True),  # of the record's id
    Column("column_name", String, primary_key=True),  # * where it is a whole person
)

events = Table(
    "events",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),  # an id, never a name
    Column("details", JSON),  # erasable; only its hash is chained
    Column("details_hash", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("seals_hash", String),  # null where the event seals no row
    # SQLite then remembers the last n: a removed end of the chain is noticed.
    sqlite_autoincrement=True,
)

seals = Table(
    "seals",
    metadata,
    Column("event_n", Integer, ForeignKey("events.n"), primary_key=True),
    Column("subject", String, primary_key=True),  # the row: table, key, part
    Column("hash", String, nullable=False),  # of the row's content
    Index("ix_seals_subject", "subject"),
)
