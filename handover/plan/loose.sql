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
)

select
    table_name,
    id,
    label
from open_records
where
    companies is null
    or len(companies) = 0
    or exists (
        select 1 from unnest(companies) as company (id)
        where company.id not in (select owned.id from owned)
    )
order by
    list_position(['opportunities', 'requests', 'contacts', 'activities'], table_name), id
