-- What could not be used of records that concern a handover: of the predecessor's own,
-- and of those that hang on the accounts handed over. That is what the sync put aside, and
-- of what is still open the references that lead nowhere. `is_open`: an open opportunity
-- of the predecessor, or of nobody knows whom, which must not be left behind.
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

unowned as (
    select id from aside
    where table_name = 'opportunities' and column_name = 'owner_id' and not whole
),

records as (
    select
        'accounts' as table_name,
        id,
        name as label,
        id as account_id,
        owner_id,
        false as is_open,
        false as is_current
    from accounts
    union all by name
    select
        'contacts' as table_name,
        id,
        name as label,
        account_id,
        owner_id,
        false as is_open,
        true as is_current
    from contacts
    union all by name
    select
        'opportunities' as table_name,
        id,
        name as label,
        account_id,
        owner_id,
        (owner_id = $predecessor or id in (select unowned.id from unowned))
        and not coalesce(is_closed, is_won, false) as is_open,
        not coalesce(is_closed, is_won, false) as is_current
    from opportunities
    union all by name
    select
        'line_items' as table_name,
        line_items.id,
        line_items.product as label,
        opportunities.account_id,
        opportunities.owner_id,
        false as is_open,
        false as is_current
    from line_items
    inner join opportunities on line_items.opportunity_id = opportunities.id
    union all by name
    select
        'orders' as table_name,
        id,
        product as label,
        account_id,
        owner_id,
        false as is_open,
        false as is_current
    from orders
    union all by name
    select
        'requests' as table_name,
        id,
        subject as label,
        account_id,
        owner_id,
        false as is_open,
        coalesce(is_open, true) as is_current
    from requests
    union all by name
    select
        'activities' as table_name,
        activities.id,
        activities.subject as label,
        activity_accounts.account_id,
        activities.owner_id,
        false as is_open,
        false as is_current
    from activities
    left join activity_accounts on activities.id = activity_accounts.activity_id
),

unused as (
    select
        table_name,
        id,
        column_name,
        coalesce(field, column_name) as field,
        value,
        reason,
        whole
    from aside
    union all by name
    select
        table_name,
        id,
        'account_id' as column_name,
        'account_id' as field,
        account_id as value,
        'unresolved' as reason,
        false as whole
    from records
    where is_current and account_id not in (select accounts.id from accounts)
    union all by name
    select
        table_name,
        id,
        'owner_id' as column_name,
        'owner_id' as field,
        owner_id as value,
        'unresolved' as reason,
        false as whole
    from records
    where is_current and owner_id not in (select users.id from users)
)

select
    unused.table_name,
    unused.id,
    records.label,
    accounts.id as account_id,
    accounts.name as account,
    unused.column_name,
    unused.field,
    unused.value,
    unused.reason,
    unused.whole,
    records.is_open
from unused
inner join records on unused.table_name = records.table_name and unused.id = records.id
left join accounts on records.account_id = accounts.id
where
    records.owner_id = $predecessor
    or records.account_id in (select handed_over.id from handed_over)
order by
    accounts.name nulls last, accounts.id, unused.table_name, unused.id, unused.column_name
