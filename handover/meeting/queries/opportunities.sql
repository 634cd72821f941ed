-- Business under way, by when its next step or its close is due.
select
    account_id,
    id,
    name,
    stage,
    amount,
    currency,
    close_date,
    next_step,
    next_step_date,
    owner_id,
    cast(timezone((select zone from settings), modified_at) as date) as changed
from open_opportunities
order by account_id, coalesce(next_step_date, close_date) nulls last, id
