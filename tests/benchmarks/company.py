"""A made-up company of any size, as Parquet files of the common schema.

Everything follows from the row's number, so that two machines measure the same company:
100,000 accounts have about 1.8 million rows. About a fifth of all facts is missing, old
or a placeholder, as in a CRM that people fill in.
"""

from pathlib import Path

import duckdb

from mappings.schema import COLUMNS_SCHEMA, arrow_schema, columns

SOURCE = "salesforce"
AS_OF = "date '2027-03-31'"

_ROWS = {
    "users": "greatest(cast($n / 220 as bigint), 2)",
    "accounts": "$n",
    "contacts": "3 * $n",
    "opportunities": "4 * $n",
    "line_items": "2 * $n",
    "orders": "$n",
    "activities": "3 * $n",
    "activity_links": "4 * $n",
    "requests": "cast($n / 5 as bigint)",
}

_MACROS = """
create macro dice(i, throw, sides) as cast(hash(i, throw) % sides as integer);
create macro pick(choices, i, throw) as choices[1 + dice(i, throw, len(choices))];
"""

_USER = "'u' || dice(i, 0, greatest(cast($n / 220 as bigint), 2))"
_PRODUCT = "pick(['旋盤', 'measuring device', null, 'なし', '保守契約'], i, 7)"
_COLUMNS: dict[str, dict[str, str]] = {
    "users": {
        "id": "'u' || i",
        "name": "'営業 ' || i",
        "is_active": "i % 20 <> 0",
        "team": "'team ' || (i % 12)",
    },
    "accounts": {
        "id": "'a' || i",
        "name": "'株式会社サンプル' || i",
        "owner_id": _USER,
        "customer_class": "pick(['key', 'priority', 'normal', 'normal', null], i, 1)",
        "customer_class_state": "if(dice(i, 1, 5) = 4, 'empty', 'mapped')",
        "business": "pick(['精密部品の加工', '不明', null, '食品の卸売'], i, 2)",
        "industry": "pick(['製造', null, '-'], i, 3)",
        "phone": "'03-1234-5678'",
        "phone_quality": "pick(['ok', 'placeholder', null, 'invalid'], i, 4)",
        "requests": "if(i % 3 = 0, 'なし', null)",
        "requests_as_of": f"{AS_OF} - dice(i, 5, 400)",
        "created_at": f"{AS_OF} - dice(i, 6, 3000)",
    },
    "contacts": {
        "id": "'c' || i",
        "account_id": "'a' || dice(i, 0, $n)",
        "name": "pick(['山田 太郎', '受付', '佐藤 花子', '不明'], i, 1)",
        "title": "pick(['部長', null, '課長', '-'], i, 2)",
        "department": "pick(['購買部', null], i, 3)",
        "role": "if(dice(i, 4, 6) = 0, '決裁者', null)",
        "email_quality": "pick(['ok', 'generic', null, 'invalid'], i, 5)",
        "phone_quality": "pick(['ok', null, 'placeholder'], i, 6)",
        "preferred_channel": "pick(['メール', null, '電話'], i, 7)",
        "email_bounced": "dice(i, 8, 30) = 0",
        "has_left": "dice(i, 9, 12) = 0",
    },
    "opportunities": {
        "id": "'o' || i",
        "account_id": "if(dice(i, 8, 50) = 0, null, 'a' || dice(i, 0, $n))",
        "owner_id": _USER,
        "name": "'商談 ' || i",
        "stage": "pick(['提案', '見積', null], i, 2)",
        "is_closed": "dice(i, 3, 4) <> 0",
        "is_won": "dice(i, 3, 4) in (1, 2)",
        "product": _PRODUCT,
        "amount": "if(dice(i, 5, 9) = 0, null, dice(i, 6, 5000000))",
        "currency": "'JPY'",
        "close_date": f"{AS_OF} + dice(i, 9, 1500) - 1300",
        "next_step": "pick(['見積を送る', null, '訪問'], i, 10)",
        "next_step_date": f"{AS_OF} - dice(i, 11, 90) + 30",
        "reason": "pick(['価格', null, '未入力', '性能'], i, 12)",
    },
    "line_items": {
        "id": "'l' || i",
        "opportunity_id": "'o' || dice(i, 0, 4 * $n)",
        "product": _PRODUCT,
        "amount": "if(dice(i, 5, 3) = 0, null, dice(i, 6, 500000))",
    },
    "orders": {
        "id": "'r' || i",
        "account_id": "'a' || dice(i, 0, $n)",
        "owner_id": _USER,
        "product": _PRODUCT,
        "amount": "dice(i, 6, 900000)",
        "currency": "'JPY'",
        "date": f"{AS_OF} - dice(i, 7, 2000)",
        "reason": "pick(['更新', null], i, 8)",
    },
    "activities": {
        "id": "'t' || i",
        "owner_id": _USER,
        "kind": "pick(['call', 'visit', 'email', 'meeting', 'task', 'note'], i, 1)",
        "is_done": "dice(i, 2, 8) <> 0",
        "outcome": "pick(['done', null, 'no_answer', 'done'], i, 3)",
        "happened_on": f"{AS_OF} - dice(i, 4, 1200) + 30",
        "happened_at": f"{AS_OF} - dice(i, 4, 1200) + 30",
        "has_time": "dice(i, 5, 5) <> 0",
        "text": "pick(['次回は納期を確認する', null, '訪問しました'], i, 6)",
        "handover_key": "if(dice(i, 7, 40) = 0, 'handover:x', null)",
    },
    "activity_links": {
        "id": "'k' || i",
        "activity_id": "'t' || (i % (3 * $n))",
        "target": "pick(['account', 'account', 'contact', 'opportunity'], i, 2)",
        "target_id": "pick(['a', 'a', 'c', 'o'], i, 2) || dice(i, 3, $n)",
    },
    "requests": {
        "id": "'q' || i",
        "account_id": "'a' || dice(i, 0, $n)",
        "owner_id": _USER,
        "subject": "pick(['納期の回答', null, '修理'], i, 2)",
        "is_open": "dice(i, 3, 3) = 0",
    },
}


def write_company(folder: Path, accounts: int) -> dict[str, Path]:
    """Write the files of a company and name them by table, ``columns`` included."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(_MACROS)
        for table in _ROWS:
            files[table] = folder / f"{table}.parquet"
            con.execute(_copy(table, files[table], accounts))
        files["columns"] = folder / "columns.parquet"
        con.execute(_columns_copy(files["columns"]))
    return files


def _copy(table: str, file: Path, accounts: int) -> str:
    filled = {"source": f"'{SOURCE}'", "is_deleted": "false", **_COLUMNS[table]}
    for spec in columns(table).values():
        if spec.column.audited and spec.name in filled:
            filled[f"{spec.name}_norm"] = filled[spec.name]
    selected = ", ".join(
        f"cast({filled.get(field.name, 'null')} as {_sql_type(str(field.type))}) "
        f'as "{field.name}"'
        for field in arrow_schema(table)
    )
    rows = _ROWS[table]
    text = (
        f"copy (select {selected} from range({rows}) numbered(i)) "  # noqa: S608
        f"to '{file}' (format parquet, compression zstd)"
    )
    return text.replace("$n", str(accounts))


def _columns_copy(file: Path) -> str:
    rows = [
        f"('{SOURCE}', '{table}', '{name}', 'mapped')"
        for table, filled in _COLUMNS.items()
        for name in ("*", *filled)
    ]
    names = ", ".join(COLUMNS_SCHEMA.names)
    return (
        f"copy (select * from (values {', '.join(rows)}) seen({names})) "  # noqa: S608
        f"to '{file}' (format parquet)"
    )


def _sql_type(arrow: str) -> str:
    kinds = {
        "string": "varchar",
        "bool": "boolean",
        "date32[day]": "date",
        "timestamp[us, tz=UTC]": "timestamptz",
    }
    return kinds.get(arrow, "decimal(18, 4)")
