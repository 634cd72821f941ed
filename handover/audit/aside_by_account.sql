-- What the sync put aside, with the account that it belongs to: the accounts looked at, and
-- with $everybody also what belongs to none, or to one that nobody can tell.
with records as (
    select 'accounts' as table_name, id, id as account_id from accounts
    union all
    select 'contacts', contact_id, account_id from account_contacts
    union all
    select 'opportunities', id, account_id from opportunities
    union all
    select 'line_items', line_items.id, opportunities.account_id
    from line_items
    inner join opportunities on line_items.opportunity_id = opportunities.id
    union all
    select 'orders', id, account_id from orders
    union all
    select 'activities', activity_id, account_id from account_activities
    union all
    select 'requests', id, account_id from requests
)

select distinct
    aside.source,
    accounts.id as account_id,
    coalesce(accounts.name, accounts.id) as account,
    aside.table_name,
    aside.id,
    aside.column_name,
    coalesce(aside.field, aside.column_name) as field,
    aside.value,
    aside.reason,
    aside.whole,
    aside.row
from aside
left join records on aside.table_name = records.table_name and aside.id = records.id
left join accounts on records.account_id = accounts.id
where accounts.id is not null or $everybody
order by
    account_id nulls last, aside.table_name, aside.id nulls last, aside.row, aside.column_name
