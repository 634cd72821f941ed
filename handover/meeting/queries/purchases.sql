-- What was bought, the newest first; the date of the record that the reason stands in.
select
    purchases.account_id,
    purchases.id,
    purchases.kind,
    purchases.product,
    purchases.date,
    purchases.amount,
    purchases.currency,
    purchases.reason,
    cast(timezone(
        (select zone from settings), coalesce(opportunities.modified_at, orders.modified_at)
    ) as date) as changed
from purchases
left join opportunities on purchases.opportunity_id = opportunities.id
left join orders on purchases.kind = 'orders' and purchases.id = orders.id
order by purchases.account_id, purchases.date desc nulls last, purchases.kind, purchases.id
