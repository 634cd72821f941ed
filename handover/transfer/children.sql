-- Open records of the predecessor, each with the accounts that it goes by: a contact,
-- opportunity or request by its primary one, a task or event by every account that it
-- resolves to. What we took from them since the sync is left out, what we
-- gave back is added. Tasks with our key never move.
with contact_companies as (
    select
        contact_id,
        list(distinct account_id order by account_id) filter (coalesce(is_primary, false)) as main,
        list(distinct account_id order by account_id) as every
    from contact_links
    where account_id is not null
    group by contact_id
),

resolved as (
    select
        activity_id,
        list(distinct account_id order by account_id) as every
    from account_activities
    group by activity_id
)

select
    'contacts' as table_name,
    c.id,
    c.name as label,
    c.object,
    case
        when c.account_id is not null then [c.account_id]
        else coalesce(l.main, l.every)
    end as accounts
from contacts as c
left join contact_companies as l on l.contact_id = c.id
where
    (c.owner_id = $predecessor and not list_contains($contacts_taken, c.id))
    or list_contains($contacts_given, c.id)

union all by name

select
    'opportunities' as table_name,
    id,
    name as label,
    object,
    case when account_id is not null then [account_id] end as accounts
from opportunities
where
    not coalesce(is_closed, is_won, false)
    and (
        (owner_id = $predecessor and not list_contains($opportunities_taken, id))
        or list_contains($opportunities_given, id)
    )

union all by name

select
    'requests' as table_name,
    id,
    subject as label,
    object,
    case when account_id is not null then [account_id] end as accounts
from requests
where
    coalesce(is_open, true)
    and (
        (owner_id = $predecessor and not list_contains($requests_taken, id))
        or list_contains($requests_given, id)
    )

union all by name

select
    'activities' as table_name,
    a.id,
    a.subject as label,
    a.object,
    r.every as accounts
from activities as a
left join resolved as r on r.activity_id = a.id
where
    not coalesce(a.is_done, false)
    and a.handover_key is null
    and (a.kind = 'task' or (a.kind in ('call', 'meeting', 'visit') and a.happened_on > $as_of))
    and (
        (a.owner_id = $predecessor and not list_contains($activities_taken, a.id))
        or list_contains($activities_given, a.id)
    )
order by table_name, id
