-- Customer classes: what the CRM says, and what may be proposed where it says nothing.
-- Key: most won in the last twelve months. Priority: most open business or potential, while
-- little was won so far. A proposal is shown as one and never makes a row a must.
create or replace temp table account_classes as
with amounts as (
    select account_id, amount, close_date as date, coalesce(is_won, false) as is_bought
    from opportunities
    where not $has_classes and currency = (select currency from settings)
        and (is_won or not coalesce(is_closed, false))
    union all
    select account_id, amount, date, true
    from orders
    where not $has_classes and currency = (select currency from settings)
),

summed as (
    select
        account_id,
        sum(amount) filter (where is_bought) as ever,
        sum(amount) filter (where is_bought and date > $today - 365) as lately,
        sum(amount) filter (where not is_bought) as ahead
    from amounts
    group by account_id
),

known as (
    select
        all_accounts.id,
        all_accounts.customer_class_state,
        all_accounts.customer_class,
        coalesce(summed.ever, 0) as ever,
        coalesce(summed.lately, 0) as lately,
        greatest(coalesce(summed.ahead, 0), coalesce(all_accounts.potential, 0)) as promise
    from all_accounts
    left join summed on all_accounts.id = summed.account_id
),

ranked as (
    select
        *,
        row_number() over (order by lately desc, id) as by_lately,
        row_number() over (order by promise desc, id) as by_promise,
        percent_rank() over (order by ever) as share_below,
        count(*) over () as accounts
    from known
    where not $has_classes
),

proposed as (
    select
        id,
        case
            when lately > 0 and by_lately <= ceil($key_share * accounts) then 'key'
            when promise > 0 and by_promise <= ceil($priority_share * accounts)
                and share_below <= $priority_won_at_most then 'priority'
        end as proposed_class
    from ranked
)

select
    accounts.id as account_id,
    if(accounts.customer_class_state = 'mapped', accounts.customer_class, null)
        as customer_class,
    case
        when accounts.customer_class_state in ('mapped', 'unmapped')
            then accounts.customer_class_state
        when proposed.proposed_class is not null then 'proposed'
        else 'empty'
    end as customer_class_state,
    if(accounts.customer_class_state = 'unmapped', accounts.customer_class, null)
        as unknown_class,
    proposed.proposed_class
from accounts
left join proposed on accounts.id = proposed.id
