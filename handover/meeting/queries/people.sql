-- Who is who: those who decide first, those who have left last.
select
    account_id,
    id,
    name,
    title,
    department,
    coalesce(role, role_norm) as role,
    not coalesce(has_left, false) and (
        coalesce(is_decision_maker, false)
        or coalesce(regexp_matches(replace(role_norm, '_', ' '), $deciding), false)
    ) as decides,
    phone,
    phone_quality,
    mobile,
    mobile_quality,
    email,
    email_quality,
    coalesce(email_bounced, false) as bounced,
    coalesce(opted_out, false) as opted_out,
    preferred_channel,
    reachable,
    coalesce(has_left, false) as has_left,
    name_norm is not null
    and not list_contains($placeholders, name_norm)
    and not regexp_matches(name_norm, $nobody) as is_named,
    cast(timezone((select zone from settings), modified_at) as date) as changed
from people
order by account_id, has_left, not decides, not reachable, id
