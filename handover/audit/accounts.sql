-- Each account with its score and what a manager wants to see beside it. Its value is its
-- lifetime purchases and its open business, in the default currency.
with amounts as (
    select account_id, amount, currency from bought
    union all
    select account_id, amount, currency from open_opportunities
),

valued as (
    select account_id, cast(sum(amount) as double) as value
    from amounts
    where currency = (select currency from settings)
    group by account_id
)

select
    accounts.id,
    coalesce(accounts.name, accounts.id) as name,
    accounts.owner_id,
    accounts.url,
    accounts.website,
    account_classes.customer_class,
    account_classes.customer_class_state,
    account_classes.unknown_class,
    account_classes.proposed_class,
    account_scores.score,
    account_scores.ready,
    account_scores.contacts,
    account_scores.organisation,
    account_scores.purchases,
    account_scores.opportunities,
    account_scores.interactions,
    coalesce(valued.value, 0) as value
from accounts
inner join account_scores on accounts.id = account_scores.account_id
inner join account_classes on accounts.id = account_classes.account_id
left join valued on accounts.id = valued.account_id
order by accounts.id
