-- Organisation: what the customer does, what people do there, who decides.
select
    id as account_id,
    'organisation.business' as item,
    id as record,
    cast(null as date) as on_date,
    better(text_state(business_norm, $placeholders), text_state(industry_norm, $placeholders))
        as state
from accounts
union all
select
    account_id, 'organisation.role', id, null,
    better(text_state(title_norm, $placeholders), text_state(department_norm, $placeholders))
from present_people
where reachable
union all
select account_id, 'organisation.decision_maker', id, null, 'ok'
from present_people
where coalesce(is_decision_maker, false)
    or coalesce(regexp_matches(replace(role_norm, '_', ' '), $deciding), false)
