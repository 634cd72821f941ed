-- References that lead nowhere in the mirror, by column. What is not read at all cannot be
-- referred to in vain: such tables are left out.
with seen as (
    select table_name from seen_columns
    where column_name = '*' and status = 'mapped'
),

referring as (
    select 'accounts' as table_name, 'owner_id' as column_name, 'users' as target, owner_id as id
    from all_accounts
    union all
    select 'accounts', 'parent_id', 'accounts', parent_id from all_accounts
    union all
    select 'contacts', 'account_id', 'accounts', account_id from contacts
    union all
    select 'contacts', 'owner_id', 'users', owner_id from contacts
    union all
    select 'contact_links', 'contact_id', 'contacts', contact_id from contact_links
    union all
    select 'contact_links', 'account_id', 'accounts', account_id from contact_links
    union all
    select 'opportunities', 'account_id', 'accounts', account_id from opportunities
    union all
    select 'opportunities', 'owner_id', 'users', owner_id from opportunities
    union all
    select 'line_items', 'opportunity_id', 'opportunities', opportunity_id from line_items
    union all
    select 'orders', 'account_id', 'accounts', account_id from orders
    union all
    select 'orders', 'owner_id', 'users', owner_id from orders
    union all
    select 'activities', 'owner_id', 'users', owner_id from activities
    union all
    select
        'activities',
        target || '_id',
        if(target = 'opportunity', 'opportunities', target || 's'),
        target_id
    from activity_links
    union all
    select 'requests', 'account_id', 'accounts', account_id from requests
    union all
    select 'requests', 'contact_id', 'contacts', contact_id from requests
    union all
    select 'requests', 'owner_id', 'users', owner_id from requests
    union all
    select 'users', 'manager_id', 'users', manager_id from users
),

known as (
    select 'accounts' as target, id from all_accounts
    union all
    select 'users', id from users
    union all
    select 'contacts', id from contacts
    union all
    select 'opportunities', id from opportunities
)

select
    referring.table_name,
    referring.column_name,
    count(*) as count,
    min(distinct referring.id, $examples) as examples
from referring
anti join known on referring.target = known.target and referring.id = known.id
where
    referring.id is not null
    and referring.target in (select seen.table_name from seen)
group by referring.table_name, referring.column_name
order by referring.table_name, referring.column_name
