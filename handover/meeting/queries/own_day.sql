-- Open tasks and appointments of a person for one day; what the handover asks is not
-- among them. Of several customers, one is named.
with own as (
    select
        id,
        if(kind = 'task', 'task', 'appointment') as kind,
        coalesce(subject, text) as subject,
        if(kind <> 'task' and coalesce(has_time, false),
            strftime(timezone((select settings.zone from settings), happened_at), '%H:%M'),
            null) as time
    from activities
    where owner_id = $person
        and handover_key is null
        and not coalesce(is_done, false)
        and (
            (kind = 'task' and due = $day)
            or (
                kind in ('call', 'meeting', 'visit')
                and happened_on = $day
                and (is_done is not null or $day > (select settings.as_of from settings))
            )
        )
),

named as (
    select
        activity_links.activity_id,
        min(all_accounts.name) as account
    from activity_links
    inner join all_accounts on activity_links.target_id = all_accounts.id
    where activity_links.target = 'account'
    group by activity_links.activity_id
)

select
    own.id,
    own.kind,
    own.subject,
    own.time,
    named.account
from own
left join named on own.id = named.activity_id
order by own.time nulls last, own.id
