-- Open records of the predecessor that hang on no account of theirs: on none, on other
-- people's, or on theirs and other people's together. A contact goes by its own company,
-- without one by the companies it is linked to; a task or event by every account that it
-- resolves to. Our own tasks are never loose.
with owned as (
    select id from accounts
    where owner_id = $predecessor
),

contact_companies as (
    select
        contacts.id as contact_id,
        case
            when contacts.account_id is not null then [contacts.account_id]
            else coalesce(
                list(contact_links.account_id) filter (coalesce(contact_links.is_primary, false)),
                list(contact_links.account_id) filter (contact_links.account_id is not null)
            )
        end as companies
    from contacts
    left join contact_links on contacts.id = contact_links.contact_id
    group by contacts.id, contacts.account_id
),

activity_companies as (
    select
        activity_id,
        list(account_id) as companies
    from account_activities
    group by activity_id
),

open_records as (
    select
        'opportunities' as table_name,
        id,
        name as label,
        case when account_id is not null then [account_id] end as companies
    from opportunities
    where owner_id = $predecessor and not coalesce(is_closed, is_won, false)
    union all by name
    select
        'requests' as table_name,
        id,
        subject as label,
        case when account_id is not null then [account_id] end as companies
    from requests
    where owner_id = $predecessor and coalesce(is_open, true)
    union all by name
    select
        'contacts' as table_name,
        contacts.id,
        contacts.name as label,
        contact_companies.companies
    from contacts
    inner join contact_companies on contacts.id = contact_companies.contact_id
    where contacts.owner_id = $predecessor
    union all by name
    select
        'activities' as table_name,
        activities.id,
        activities.subject as label,
        activity_companies.companies
    from activities
    left join activity_companies on activities.id = activity_companies.activity_id
    where
        activities.owner_id = $predecessor
        and not coalesce(activities.is_done, false)
        and activities.handover_key is null
        and (
            activities.kind = 'task'
            or (
                activities.kind in ('call', 'meeting', 'visit')
                and activities.happened_on > (select settings.as_of from settings)
            )
        )
),

-- Of several companies that are not the predecessor's, one is named.
elsewhere as (
    select
        open_records.table_name,
        open_records.id,
        min(company.id) as account_id
    from open_records
    cross join unnest(open_records.companies) as company (id)
    where company.id not in (select owned.id from owned)
    group by open_records.table_name, open_records.id
)

select
    open_records.table_name,
    open_records.id,
    open_records.label,
    elsewhere.account_id,
    accounts.name as account
from open_records
left join elsewhere
    on open_records.table_name = elsewhere.table_name and open_records.id = elsewhere.id
left join accounts on elsewhere.account_id = accounts.id
where
    open_records.companies is null
    or len(open_records.companies) = 0
    or elsewhere.id is not null
order by
    list_position(
        ['opportunities', 'requests', 'contacts', 'activities'], open_records.table_name
    ),
    open_records.id
