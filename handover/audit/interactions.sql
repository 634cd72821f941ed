-- Interactions: when we last talked, what the customer waits for.
with known as (
    select
        accounts.*,
        cast(timezone((select zone from settings), accounts.created_at) as date) as created_on,
        if(accounts.customer_class_state = 'mapped'
            and accounts.customer_class in ('key', 'priority'),
            $recent_days_key, $recent_days) as limit_days
    from accounts
)

select
    known.id as account_id,
    'interactions.recent' as item,
    latest.id as record,
    latest.on_date,
    case
        when latest.on_date >= $today - known.limit_days then 'ok'
        when latest.on_date is not null then 'stale'
        when known.created_on > $today - $new_account_days then 'not_applicable'
        else 'missing'
    end as state
from known
left join latest on known.id = latest.account_id
union all
select
    account_id, 'interactions.summary', id, on_date, text_state(text_norm, $placeholders)
from latest
union all
-- Where requests are kept as such, each open one needs a subject and somebody to answer.
select
    account_id, 'interactions.requests', id, opened_on,
    worse(text_state(subject_norm, $placeholders),
        case
            when owner_id is null then 'missing'
            when owner_id in (select active_users.id from active_users) then 'ok'
            when $users_hidden then 'unreadable'
            else 'invalid'
        end)
from open_requests
where $has_requests
union all
-- Elsewhere a text says it; "none" is an answer, if we know from when.
select
    id, 'interactions.requests', null, requests_as_of,
    case
        when requests_norm is null then 'missing'
        when not list_contains($accepted, requests_norm)
            and list_contains($placeholders, requests_norm) then 'placeholder'
        when requests_as_of > $today then 'invalid'
        when requests_as_of >= $today - $requests_days then 'ok'
        else 'stale'
    end
from known
where not $has_requests
