"""A made-up company of any size, as Parquet files of the common schema.

Everything follows from the row's number, so that two machines measure the same company:
100,000 accounts have about 1.8 million rows. About a fifth of all facts is missing, old
or a placeholder, as in a CRM that people fill in. What people write is as long and as
unlike as in one: ids of 18 characters, an address for every person, texts of 80 to 400
characters.
"""

from pathlib import Path

import duckdb

from mappings.schema import COLUMNS_SCHEMA, NORM_LENGTH, arrow_schema, columns

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

_PHRASES = (
    *(
        "次回は納期を確認する。",
        "見積の単価について相談があった。",
        "工場長に紹介された。",
    ),
    *(
        "担当者は来月異動の予定。",
        "更新は見送りたいとのこと。",
        "競合の提案と比べている。",
    ),
    *("保守の範囲を広げたい。", "既存機の不具合は解消した。", "予算は来期に取る。"),
    *("The spindle is replaced in March. ", "Prices are fixed until June. "),
    *("They asked for a second visit. ", "Quality was better than expected. "),
    *("納入は三回に分ける。", "図面を受け取った。", "安全担当の立会いが要る。"),
)
_MACROS = f"""
create macro dice(i, throw, sides) as cast(hash(i, throw) % sides as integer);
create macro pick(choices, i, throw) as choices[1 + dice(i, throw, len(choices))];
create macro key(prefix, i) as
    prefix || lpad(to_base(i::bigint * 7919 + 46656, 36), 15, '0');
-- Text of 80 to 400 characters, no two alike.
create macro prose(i, throw) as left(
    i || '/' || throw || ': ' || array_to_string(list_transform(range(40), lambda k:
        pick({list(_PHRASES)}, i, throw * 100 + k) || dice(i, throw * 100 + k, 1000)
    ), ''), 80 + dice(i, throw, 321));
"""

_USER = "key('005', dice(i, 0, greatest(cast($n / 220 as bigint), 2)))"
_ACCOUNT = "key('001', dice(i, 0, $n))"
_PRODUCT = "pick(['旋盤', 'measuring device', null, 'なし', '保守契約'], i, 7)"
_COLUMNS: dict[str, dict[str, str]] = {
    "users": {
        "id": "key('005', i)",
        "name": "'営業 ' || i",
        "is_active": "i % 20 <> 0",
        "team": "'team ' || (i % 12)",
    },
    "accounts": {
        "id": "key('001', i)",
        "name": "'株式会社サンプル' || i",
        "owner_id": _USER,
        "customer_class": "pick(['key', 'priority', 'normal', 'normal', null], i, 1)",
        "customer_class_state": "if(dice(i, 1, 5) = 4, 'empty', 'mapped')",
        "business": "pick([prose(i, 2), '不明', null, prose(i, 12)], i, 2)",
        "industry": "pick(['製造', null, '-'], i, 3)",
        "phone": "'03-1234-5678'",
        "phone_quality": "pick(['ok', 'placeholder', null, 'invalid'], i, 4)",
        "requests": "if(i % 3 = 0, 'なし', null)",
        "requests_as_of": f"{AS_OF} - dice(i, 5, 400)",
        "created_at": f"{AS_OF} - dice(i, 6, 3000)",
    },
    "contacts": {
        "id": "key('003', i)",
        "account_id": _ACCOUNT,
        "name": "pick(['山田 太郎' || i, '受付', '佐藤 花子' || i, '不明'], i, 1)",
        "email": "'taro.yamada' || i || '@example' || (i % 9000) || '.co.jp'",
        "phone": "'03-' || lpad(i::varchar, 8, '1')",
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
        "id": "key('006', i)",
        "account_id": f"if(dice(i, 8, 50) = 0, null, {_ACCOUNT})",
        "owner_id": _USER,
        "name": "'商談 ' || i",
        "stage": "pick(['提案', '見積', null], i, 2)",
        "is_closed": "dice(i, 3, 4) <> 0",
        "is_won": "dice(i, 3, 4) in (1, 2)",
        "product": _PRODUCT,
        "amount": "if(dice(i, 5, 9) = 0, null, dice(i, 6, 5000000))",
        "currency": "'JPY'",
        "close_date": f"{AS_OF} + dice(i, 9, 1500) - 1300",
        "next_step": "pick([prose(i, 10), null, '訪問'], i, 10)",
        "next_step_date": f"{AS_OF} - dice(i, 11, 90) + 30",
        "reason": "pick([prose(i, 12), null, '未入力', prose(i, 13)], i, 12)",
    },
    "line_items": {
        "id": "key('00k', i)",
        "opportunity_id": "key('006', dice(i, 0, 4 * $n))",
        "product": _PRODUCT,
        "amount": "if(dice(i, 5, 3) = 0, null, dice(i, 6, 500000))",
    },
    "orders": {
        "id": "key('801', i)",
        "account_id": _ACCOUNT,
        "owner_id": _USER,
        "product": _PRODUCT,
        "amount": "dice(i, 6, 900000)",
        "currency": "'JPY'",
        "date": f"{AS_OF} - dice(i, 7, 2000)",
        "reason": "pick([prose(i, 8), null], i, 8)",
    },
    "activities": {
        "id": "key('00T', i)",
        "owner_id": _USER,
        "kind": "pick(['call', 'visit', 'email', 'meeting', 'task', 'note'], i, 1)",
        "is_done": "dice(i, 2, 8) <> 0",
        "outcome": "pick(['done', null, 'no_answer', 'done'], i, 3)",
        "happened_on": f"{AS_OF} - dice(i, 4, 1200) + 30",
        "happened_at": f"{AS_OF} - dice(i, 4, 1200) + 30",
        "has_time": "dice(i, 5, 5) <> 0",
        "text": "pick([prose(i, 6), null, prose(i, 7)], i, 6)",
        "handover_key": "if(dice(i, 7, 40) = 0, 'handover:x', null)",
    },
    "activity_links": {
        "id": "key('0kk', i)",
        "activity_id": "key('00T', i % (3 * $n))",
        "target": "pick(['account', 'account', 'contact', 'opportunity'], i, 2)",
        "target_id": "key(pick(['001', '001', '003', '006'], i, 2), dice(i, 3, $n))",
    },
    "requests": {
        "id": "key('500', i)",
        "account_id": _ACCOUNT,
        "owner_id": _USER,
        "subject": "pick([prose(i, 2), null, '修理'], i, 2)",
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
            filled[f"{spec.name}_norm"] = f"left({filled[spec.name]}, {NORM_LENGTH})"
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
