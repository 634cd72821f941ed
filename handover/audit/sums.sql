-- The lines of one file of rules (`lines`), added up by account and item. The order of the
-- states is only good for least and greatest: compared with a text, they are texts.
insert into sums by name
with unread as (
    select lines_aside.*
    from lines_aside
    inner join items on lines_aside.item = items.item
    where items.rule = $rule
),

-- What rests on a cell that was put aside is never missing. Where each record counts, or
-- where the cell decides whether the record counts at all, it is never fine, either.
judged as (
    select
        coalesce(lines.account_id, unread.account_id) as account_id,
        items.position,
        coalesce(lines.record, unread.record) as record,
        lines.on_date,
        case
            when unread.item is null then lines.state
            when unread.is_gate or items.takes = 'each' then 'invalid'
            when lines.state is null or lines.state in ('missing', 'not_applicable')
                then 'invalid'
            else lines.state
        end as state
    from lines
    full outer join unread
        on
            lines.account_id = unread.account_id
            and lines.item = unread.item
            -- A line without a record speaks of the account itself.
            and coalesce(lines.record, lines.account_id) = unread.record
    inner join items on coalesce(lines.item, unread.item) = items.item
),

coded as (
    select
        * replace (cast(state as item_state) as state),
        state = 'ok' as is_ok,
        state not in ('ok', 'unmapped', 'not_applicable') as is_bad
    from judged
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
