-- Purchases: product, date and reason of what the customer bought. One line per
-- purchase. What is kept in opportunities can be asked of their columns only, what is kept
-- as an order of the orders'; a purchase whose side has no such column is not asked.
with asked as (
    select distinct item, table_name = 'orders' as is_order
    from item_columns
    where status <> 'unmapped' and not is_proof
),

judged as (
    select
        *,
        kind = 'orders' as is_order,
        coalesce(date >= $today - $reason_days, true)
        or coalesce(amount >= $large_purchase, false) as is_recent_or_large
    from bought
),

lines as (
    select
        account_id,
        'purchases.product' as item,
        id as record,
        date as on_date,
        text_state(product_norm, $placeholders) as state,
        is_order
    from judged
    union all
    select
        account_id, 'purchases.date', id, date,
        case when date is null then 'missing' when date > $today then 'invalid' else 'ok' end,
        is_order
    from judged
    union all
    select
        account_id,
        if(is_recent_or_large, 'purchases.reason', 'purchases.reason_older'),
        id, date, text_state(reason_norm, $placeholders), is_order
    from judged
)

select
    lines.account_id,
    lines.item,
    lines.record,
    lines.on_date,
    if(asked.item is null, 'unmapped', lines.state) as state
from lines
left join asked on lines.item = asked.item and lines.is_order = asked.is_order
