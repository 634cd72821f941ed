-- The lines of one file of rules (`lines`), added up by account and item.
insert into sums by name
with coded as (
    select
        lines.account_id,
        items.position,
        lines.record,
        lines.on_date,
        cast(lines.state as item_state) as state
    from lines
    inner join items on lines.item = items.item
)

select
    account_id,
    position,
    min(state) as worst,
    coalesce(max(state) filter (where state <= 'ok'), min(state)) as best,
    count(*) filter (where state <= 'ok') as judged,
    count(*) filter (where state = 'ok') as good,
    count(*) filter (where state = 'stale') as old,
    count(record) filter (where state <= 'ok') as named,
    min(record) filter (where state = 'ok') as good_record,
    min(record, $evidence) filter (where state < 'ok') as bad_records,
    max(on_date) filter (where state = 'ok') as good_date,
    max(on_date) filter (where state < 'ok') as bad_date
from coded
group by account_id, position
