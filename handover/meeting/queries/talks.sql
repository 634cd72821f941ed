-- The last talks of each customer, with whom, and what was said.
with latest as (
    select *
    from interactions
    qualify row_number() over (partition by account_id order by moment desc, id desc) <= 5
),

persons as (
    select
        activity_links.activity_id,
        list(contacts.name order by contacts.name) as names
    from activity_links
    inner join contacts on activity_links.target_id = contacts.id
    where activity_links.target = 'contact' and contacts.name is not null
    group by activity_links.activity_id
)

select
    latest.account_id,
    latest.id,
    latest.kind,
    latest.on_date as date,
    latest.owner_id,
    activities.subject,
    if(activities.id is null, latest.text_norm, activities.text) as text,
    persons.names as persons
from latest
left join activities on latest.id = activities.id
left join persons on latest.id = persons.activity_id
order by latest.account_id, latest.moment desc, latest.id desc
