-- The cells that the sync put aside, as far as items rest on them: by account, item and the
-- record that the rules name. A record that takes no part, say a lost opportunity, does not
-- count; one of which we cannot tell whether it does, because that very cell was put aside,
-- counts. An unknown word of a kind or a class is known to be another one.
insert into cells_aside by name
with cells as (
    select distinct
        table_name, id, column_name, coalesce(field, column_name) as field, value
    from aside
    where
        not whole
        and id is not null
        and column_name is not null
        and (reason <> 'unknown_word' or table_name not in ('accounts', 'activities'))
),

of_accounts as (
    select cells.*, accounts.id as account_id, accounts.id as record, null as group_name
    from cells
    inner join accounts on cells.id = accounts.id
    where cells.table_name = 'accounts'
    union all
    select cells.*, account_contacts.account_id, cells.id, null
    from cells
    inner join account_contacts on cells.id = account_contacts.contact_id
    where cells.table_name = 'contacts'
),

under_way as (
    select cells.*, opportunities.account_id, cells.id as record, 'opportunities' as group_name
    from cells
    inner join opportunities on cells.id = opportunities.id
    where
        cells.table_name = 'opportunities'
        and (
            cells.column_name = 'is_closed'
            or not coalesce(opportunities.is_closed, opportunities.is_won, false)
        )
    union all
    select cells.*, open_opportunities.account_id, open_opportunities.id, 'opportunities'
    from cells
    inner join open_opportunities on cells.id = open_opportunities.owner_id
    where cells.table_name = 'users'
),

-- A line of its own product and date does not need those of its opportunity.
purchased as (
    select
        cells.*,
        opportunities.account_id,
        coalesce(line_items.id, cells.id) as record,
        'purchases' as group_name
    from cells
    inner join opportunities on cells.id = opportunities.id
    left join line_items on opportunities.id = line_items.opportunity_id
    where
        cells.table_name = 'opportunities'
        and (
            opportunities.is_won
            or (cells.column_name = 'is_won' and coalesce(opportunities.is_closed, true))
        )
        and (
            line_items.id is null
            or cells.column_name not in ('product', 'close_date')
            or (cells.column_name = 'close_date' and line_items.date is null)
        )
    union all
    select cells.*, opportunities.account_id, cells.id, 'purchases'
    from cells
    inner join line_items on cells.id = line_items.id
    inner join opportunities on line_items.opportunity_id = opportunities.id
    where cells.table_name = 'line_items' and opportunities.is_won
    union all
    select cells.*, orders.account_id, cells.id, 'purchases'
    from cells
    inner join orders on cells.id = orders.id
    where cells.table_name = 'orders'
),

talked as (
    select
        cells.*,
        account_activities.account_id,
        cells.id as record,
        'interactions' as group_name
    from cells
    inner join activities on cells.id = activities.id
    inner join account_activities on activities.id = account_activities.activity_id
    where
        cells.table_name = 'activities'
        and activities.kind in ('call', 'meeting', 'visit', 'email')
        and activities.handover_key is null
    union all
    select cells.*, open_requests.account_id, open_requests.id, 'interactions'
    from cells
    inner join open_requests
        on cells.id = if(cells.table_name = 'users', open_requests.owner_id, open_requests.id)
    where cells.table_name in ('users', 'requests')
),

found as (
    select * from of_accounts
    union all
    select * from under_way
    union all
    select * from purchased
    union all
    select * from talked
)

select distinct
    found.account_id,
    rests.item,
    found.record,
    found.field,
    found.value,
    -- It decides whether the record counts at all, so that nothing else can make up for it.
    found.column_name = 'is_done' as is_gate
from found
inner join rests
    on found.table_name = rests.table_name and found.column_name = rests.column_name
inner join items on rests.item = items.item
where
    (found.group_name is null or found.group_name = items.group_name)
    and found.account_id in (select accounts.id from accounts);

-- Each of these records once for each item, for the lines of the rules.
insert into lines_aside by name
select account_id, item, record, bool_or(is_gate) as is_gate
from cells_aside
group by account_id, item, record;
