-- Contacts: who they are and how to reach them. Of those who have not left, one line
-- per person; the best one counts. The account's own phone is a channel, too.
with channels as (
    select
        account_id,
        id as record,
        better(better(channel_state(phone_quality), channel_state(mobile_quality)),
            channel_state(usable_email_quality)) as state
    from present_people
    union all
    select id, id, channel_state(phone_quality) from accounts
)

select
    account_id,
    'contacts.person' as item,
    id as record,
    cast(null as date) as on_date,
    case
        when name_norm is null then 'missing'
        when list_contains($placeholders, name_norm) then 'placeholder'
        when regexp_matches(name_norm, $nobody) then 'placeholder'
        else 'ok'
    end as state
from present_people
union all
-- However good it looks: nobody has used it for a year.
select
    channels.account_id,
    'contacts.channel',
    channels.record,
    latest.on_date,
    if(channels.state = 'ok' and latest.on_date < $today - $channel_days, 'stale', channels.state)
from channels
left join latest on channels.account_id = latest.account_id
union all
select
    account_id, 'contacts.preference', id, null,
    text_state(preferred_channel_norm, $placeholders)
from present_people
where reachable
union all
select account_id, 'contacts.second_person', max(id), null, 'ok'
from present_people
where reachable
group by account_id
having count(*) >= 2
