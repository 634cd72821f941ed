-- What the sync put aside of records that concern a handover: of the predecessor's own,
-- and of those that hang on the accounts handed over. `is_open`: an open opportunity of
-- the predecessor, which must not be left behind.
with handed_over as (
    select id from accounts
    where owner_id = $predecessor or list_contains($accounts, id)
),

activity_accounts as (
    select
        activity_id,
        min(account_id) as account_id
    from account_activities
    where account_id in (select handed_over.id from handed_over)
    group by activity_id
),

records as (
    select
        'accounts' as table_name,
        id,
        name as label,
        id as account_id,
        owner_id,
        false as is_open
    from accounts
    union all by name
    select
        'contacts' as table_name,
        id,
        name as label,
        account_id,
        owner_id,
        false as is_open
    from contacts
    union all by name
    select
        'opportunities' as table_name,
        id,
        name as label,
        account_id,
        owner_id,
        owner_id = $predecessor and not coalesce(is_closed, is_won, false) as is_open
    from opportunities
    union all by name
    select
        'line_items' as table_name,
        line_items.id,
        line_items.product as label,
        opportunities.account_id,
        opportunities.owner_id,
        false as is_open
    from line_items
    inner join opportunities on line_items.opportunity_id = opportunities.id
    union all by name
    select
        'orders' as table_name,
        id,
        product as label,
        account_id,
        owner_id,
        false as is_open
    from orders
    union all by name
    select
        'requests' as table_name,
        id,
        subject as label,
        account_id,
        owner_id,
        false as is_open
    from requests
    union all by name
    select
        'activities' as table_name,
        activities.id,
        activities.subject as label,
        activity_accounts.account_id,
        activities.owner_id,
        false as is_open
    from activities
    left join activity_accounts on activities.id = activity_accounts.activity_id
)

select
    aside.table_name,
    aside.id,
    records.label,
    accounts.id as account_id,
    accounts.name as account,
    aside.column_name,
    coalesce(aside.field, aside.column_name) as field,
    aside.value,
    aside.reason,
    aside.whole,
    coalesce(records.is_open, false) as is_open
from aside
inner join records on aside.table_name = records.table_name and aside.id = records.id
left join accounts on records.account_id = accounts.id
where
    records.owner_id = $predecessor
    or records.account_id in (select handed_over.id from handed_over)
order by accounts.name nulls last, accounts.id, aside.table_name, aside.id, aside.column_name
