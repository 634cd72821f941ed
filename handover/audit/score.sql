-- The sums of the lines become one row per account and item, items become scores.
create or replace temp table item_scores as
with sights as (
    select
        item,
        bool_or(status = 'unreadable') as is_hidden,
        bool_or(status <> 'unmapped' and not is_proof) as is_mapped,
        bool_or(status = 'mapped' and is_proof) as is_provable
    from item_columns
    group by item
),

asked as (
    select items.*, sights.* exclude (item)
    from items
    inner join sights on items.item = sights.item
),

found as (
    select
        accounts.id as account_id,
        asked.*,
        sums.* exclude (account_id, position, worst, best),
        coalesce(if(asked.takes = 'each', sums.worst, sums.best), asked.if_none) as state
    from accounts
    cross join asked
    left join sums on accounts.id = sums.account_id and asked.position = sums.position
),

-- What is ok is ok; otherwise a hidden column could hold what is lacking.
stated as (
    select * replace (case
        when state = 'ok' then state
        when is_hidden then cast('unreadable' as item_state)
        when state = 'not_applicable' and is_provable then state
        when not is_mapped or state in ('unmapped', 'not_applicable')
            then cast('unmapped' as item_state)
        else state
    end as state)
    from found
)

select
    account_id,
    position,
    state,
    case
        when state = 'not_applicable' then null
        when state in ('unreadable', 'unmapped') then 0.0
        when takes = 'each' and judged > 0 then (good + old / 2) / judged
        when state = 'ok' then 1.0
        when state = 'stale' then 0.5
        else 0.0
    end as quality,
    -- Lines that name no record speak of the account as a whole.
    if(takes = 'each' and state not in ('unreadable', 'unmapped')
        and coalesce(good_record, bad_records[1]) is not null, judged, null) as rows,
    if(rows is null, null, good) as rows_ok,
    if(state = 'ok', list_filter([good_record], lambda record: record is not null), bad_records)
        as records,
    if(state = 'ok', good_date, bad_date) as on_date
from stated;

create or replace temp table group_scores as
select
    item_scores.account_id,
    items.group_name,
    -- Decimals add up to the same sum in any order.
    100 * cast(sum(cast(items.weight * item_scores.quality as decimal(28, 18))) as double)
    / sum(items.weight) filter (where item_scores.quality is not null) as score,
    bool_or(items.level = 'must' and (
        item_scores.state in ('missing', 'placeholder', 'invalid', 'unreadable', 'unmapped')
        or (item_scores.state = 'stale' and not $stale_is_ready)
    )) as is_lacking
from item_scores
inner join items on item_scores.position = items.position
group by item_scores.account_id, items.group_name;

create or replace temp table account_scores as
select
    group_scores.account_id,
    cast(sum(cast(group_weights.weight * group_scores.score as decimal(28, 18))) as double)
    / sum(group_weights.weight) filter (where group_scores.score is not null) as score,
    not bool_or(group_scores.is_lacking) as ready,
    max(group_scores.score) filter (where group_scores.group_name = 'contacts') as contacts,
    max(group_scores.score) filter (where group_scores.group_name = 'organisation')
        as organisation,
    max(group_scores.score) filter (where group_scores.group_name = 'purchases') as purchases,
    max(group_scores.score) filter (where group_scores.group_name = 'opportunities')
        as opportunities,
    max(group_scores.score) filter (where group_scores.group_name = 'interactions')
        as interactions
from group_scores
inner join group_weights on group_scores.group_name = group_weights.group_name
group by group_scores.account_id;
