-- The lines of one file of rules (`lines`), added up by account and item. The order of the
-- states is only good for least and greatest: compared with a text, they are texts.
insert into sums by name
with coded as (
    select
        lines.account_id,
        items.position,
        lines.record,
        lines.on_date,
        cast(lines.state as item_state) as state,
        lines.state = 'ok' as is_ok,
        lines.state not in ('ok', 'unmapped', 'not_applicable') as is_bad
    from lines
    inner join items on lines.item = items.item
)

select
    account_id,
    position,
    min(state) as worst,
    coalesce(max(state) filter (where is_ok or is_bad), min(state)) as best,
    count(*) filter (where is_ok or is_bad) as judged,
    count(*) filter (where is_ok) as good,
    count(*) filter (where state = 'stale') as old,
    min(record) filter (where is_ok) as good_record,
    min(record, $evidence) filter (where is_bad) as bad_records,
    max(on_date) filter (where is_ok) as good_date,
    max(on_date) filter (where is_bad) as bad_date
from coded
group by account_id, position
