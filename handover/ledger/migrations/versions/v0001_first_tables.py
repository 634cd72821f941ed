"""The first ledger: everything that 0.1 keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables and protect the chain of events."""
    _confirmations()
    _events()
    _generations()
    _plans()
    _policies()
    _runs()
    _audits()
    _owner_history()
    _plan_versions()
    _steps()
    _watermarks()
    _audit_accounts()
    _audit_owners()
    _decisions()
    _protect_events()


def _protect_events() -> None:
    # Details may be erased (purge); whatever the chain hashes stays as it was written.
    op.execute(
        "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events "
        "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER events_are_not_edited BEFORE UPDATE OF "
        "n, at, kind, subject, details_hash, previous, hash ON events "
        "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER event_details_are_only_erased BEFORE UPDATE OF details "
        "ON events WHEN NEW.details IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'event details can only be erased'); END"
    )


def _confirmations() -> None:
    op.create_table(
        "confirmations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("record_id", sa.String()),
        sa.Column("column_name", sa.String()),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
    )
    op.create_index(
        "ix_confirmations_account_id", "confirmations", ["source", "account_id"]
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.JSON()),
        sa.Column("details_hash", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.String(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_generations")),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("predecessor_id", sa.String(), nullable=False),
        sa.Column("reorganisation", sa.String()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("author_id", sa.String()),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_predecessor_id", "plans", ["source", "predecessor_id"])


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_policies")),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String()),
        sa.Column("plan_version", sa.Integer()),
        sa.Column("undoes", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("person_id", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("finished_at", sa.String()),
        sa.Column("window_seconds", sa.Float()),
        sa.ForeignKeyConstraint(["undoes"], ["runs.id"], name=op.f("fk_runs_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )


def _audits() -> None:
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float()),
        sa.ForeignKeyConstraint(
            ["generation"], ["generations.n"], name=op.f("fk_audits_generation")
        ),
        sa.ForeignKeyConstraint(
            ["policy_hash"], ["policies.hash"], name=op.f("fk_audits_policy_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audits")),
    )


def _owner_history() -> None:
    op.create_table(
        "owner_history",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("before", sa.String()),
        sa.Column("after", sa.String()),
        sa.Column("seen_at", sa.String(), nullable=False),
        sa.Column("run_id", sa.String()),
        sa.Column("team", sa.String()),
        sa.ForeignKeyConstraint(
            ["generation"], ["generations.n"], name=op.f("fk_owner_history_generation")
        ),
        sa.PrimaryKeyConstraint(
            "source", "account_id", "generation", name=op.f("pk_owner_history")
        ),
    )


def _plan_versions() -> None:
    op.create_table(
        "plan_versions",
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String()),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_versions_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", "version", name=op.f("pk_plan_versions")),
    )


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("record_id", sa.String()),
        sa.Column("field", sa.String()),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("key", sa.String()),
        sa.Column("values", sa.JSON()),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("code", sa.String()),
        sa.Column("message", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("intended_at", sa.String()),
        sa.Column("settled_at", sa.String()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_steps_run_id")),
        sa.PrimaryKeyConstraint("run_id", "n", name=op.f("pk_steps")),
    )
    op.create_index("ix_steps_key", "steps", ["key"])
    op.create_index("ix_steps_record_id", "steps", ["source", "object", "record_id"])


def _watermarks() -> None:
    op.create_table(
        "watermarks",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("mark", sa.String()),
        sa.Column("mapping_hash", sa.String(), nullable=False),
        sa.Column("translation_version", sa.Integer(), nullable=False),
        sa.Column("visible_hash", sa.String(), nullable=False),
        sa.Column("swept_at", sa.String()),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation"], ["generations.n"], name=op.f("fk_watermarks_generation")
        ),
        sa.PrimaryKeyConstraint("source", "object", name=op.f("pk_watermarks")),
    )


def _audit_accounts() -> None:
    op.create_table(
        "audit_accounts",
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Float()),
        sa.ForeignKeyConstraint(
            ["audit_id"], ["audits.id"], name=op.f("fk_audit_accounts_audit_id")
        ),
        sa.PrimaryKeyConstraint(
            "audit_id", "source", "account_id", name=op.f("pk_audit_accounts")
        ),
    )


def _audit_owners() -> None:
    op.create_table(
        "audit_owners",
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("team", sa.String()),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float()),
        sa.ForeignKeyConstraint(
            ["audit_id"], ["audits.id"], name=op.f("fk_audit_owners_audit_id")
        ),
        sa.PrimaryKeyConstraint(
            "audit_id", "source", "owner_id", name=op.f("pk_audit_owners")
        ),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("as_delegate", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("tool_version", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("on_behalf", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "version"],
            ["plan_versions.plan_id", "plan_versions.version"],
            name=op.f("fk_decisions_plan_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_plan_id", "decisions", ["plan_id", "version"])
