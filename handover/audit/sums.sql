-- The lines of one file of rules (`lines`), added up by account and item. The order of the
-- states is only good for least and greatest: compared with a text, they are texts.
insert into sums by name
with judged as (
    select
        lines.account_id,
        items.position,
        lines.record,
        lines.on_date,
        -- What rests on a cell that was put aside is never missing and never fine.
        if(lines_aside.is_gate or (lines_aside.record is not null and items.takes = 'each'),
            'invalid', lines.state) as state
    from lines
    inner join items on lines.item = items.item
    left join lines_aside
        on
            lines.account_id = lines_aside.account_id
            and lines.item = lines_aside.item
            -- A line without a record speaks of the account itself.
            and coalesce(lines.record, lines.account_id) = lines_aside.record
    union all
    -- Where the best line counts, another one may still make up for it.
    select
        lines_aside.account_id,
        items.position,
        lines_aside.record,
        cast(null as date),
        'invalid'
    from lines_aside
    inner join items on lines_aside.item = items.item
    where
        items.rule = $rule
        and (
            items.takes = 'best'
            or (lines_aside.account_id, lines_aside.item, lines_aside.record) not in (
                select (
                    lines.account_id,
                    lines.item,
                    coalesce(lines.record, lines.account_id)
                )
                from lines
            )
        )
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
