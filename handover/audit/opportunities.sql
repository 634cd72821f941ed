-- Opportunities: what is under way. One line per open opportunity.
with under_way as materialized (
    select
        account_id,
        id,
        owner_id,
        stage_norm,
        close_date,
        amount,
        next_step_date,
        text_state(next_step_norm, $placeholders) as next_step_state
    from open_opportunities
)

select
    account_id,
    'opportunities.stage' as item,
    id as record,
    close_date as on_date,
    text_state(stage_norm, $placeholders) as state
from under_way
union all
select
    account_id, 'opportunities.close_date', id, close_date,
    case
        when close_date is null then 'missing'
        when close_date < $today then 'invalid'
        else 'ok'
    end
from under_way
union all
-- A next step without a date is no fault; one that is long overdue is.
select
    account_id, 'opportunities.next_step', id, next_step_date,
    if(next_step_state = 'ok' and next_step_date < $today - $next_step_days,
        'stale', next_step_state)
from under_way
union all
select
    account_id, 'opportunities.owner', id, null,
    case
        when owner_id is null then 'missing'
        when owner_id in (select active_users.id from active_users) then 'ok'
        when $users_hidden then 'unreadable'
        else 'invalid'
    end
from under_way
union all
select account_id, 'opportunities.amount', id, null, if(amount is null, 'missing', 'ok')
from under_way
