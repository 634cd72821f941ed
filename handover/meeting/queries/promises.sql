-- What the customer waits for, what is overdue first: open requests, our open tasks and
-- appointments ahead. The tasks of the handover itself are none.
with waiting as (
    select
        account_id,
        id,
        'request' as kind,
        subject,
        due,
        opened_on as opened,
        owner_id,
        modified_at
    from open_requests
    union all
    select
        account_activities.account_id,
        activities.id,
        if(activities.kind = 'task', 'task', 'appointment'),
        coalesce(activities.subject, activities.text),
        if(activities.kind = 'task', activities.due, activities.happened_on),
        null,
        activities.owner_id,
        activities.modified_at
    from activities
    inner join account_activities on activities.id = account_activities.activity_id
    where not coalesce(activities.is_done, false)
        and activities.handover_key is null
        and (
            activities.kind = 'task'
            or (
                activities.kind in ('call', 'meeting', 'visit')
                and activities.happened_on >= (select settings.as_of from settings)
                -- Of today, where nobody says so, it has taken place.
                and (
                    activities.is_done is not null
                    or activities.happened_on > (select settings.as_of from settings)
                )
            )
        )
)

select
    * exclude (modified_at),
    cast(timezone((select zone from settings), modified_at) as date) as changed
from waiting
order by account_id, due nulls last, kind, id
