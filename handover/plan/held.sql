-- Who owns each account now, where it is, and its purchases and open business.
with bought as (
    select account_id, sum(amount) as amount from purchases
    where coalesce(currency, (select currency from settings))
        = (select currency from settings)
    group by all
),

offered as (
    select account_id, sum(amount) as amount from open_opportunities
    where coalesce(currency, (select currency from settings))
        = (select currency from settings)
    group by all
)

select
    accounts.id,
    accounts.owner_id,
    accounts.city,
    accounts.region,
    accounts.industry_norm as industry,
    if(accounts.customer_class_state = 'mapped', accounts.customer_class, null) as customer_class,
    coalesce(bought.amount, 0) + coalesce(offered.amount, 0) as value
from accounts
left join bought on accounts.id = bought.account_id
left join offered on accounts.id = offered.account_id
where accounts.owner_id is not null
