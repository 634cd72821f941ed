-- What the rules share. A macro takes what it needs as arguments. The states are in
-- order, the worst first: a smaller one is worse.
create or replace macro text_state(value, placeholders) as
    case
        when value is null then 'missing'
        when list_contains(placeholders, value) then 'placeholder'
        else 'ok'
    end;

create or replace macro channel_state(quality) as
    case
        when quality in ('ok', 'generic') then 'ok'
        when quality in ('placeholder', 'invalid') then quality
        else 'missing'
    end;

create or replace macro worse(one, other) as
    least(cast(one as item_state), cast(other as item_state));

create or replace macro better(one, other) as
    greatest(cast(one as item_state), cast(other as item_state));

-- Read by several rules, worked out once.
create or replace temp table latest as
select account_id, id, on_date, text_norm from latest_interactions;

-- Of whom we could not read whether they have left, or whether their address may be used,
-- is not present, or not reached by it.
create or replace temp table present_people as
with unsure as (
    select
        id,
        bool_or(column_name = 'has_left') as may_have_left,
        bool_or(column_name in ('email_bounced', 'opted_out')) as may_bounce
    from aside
    where table_name = 'contacts' and not whole
    group by id
)

select
    people.account_id, people.id, people.name_norm, people.title_norm,
    people.department_norm, people.role_norm, people.is_decision_maker,
    people.preferred_channel_norm, people.phone_quality, people.mobile_quality,
    if(unsure.may_bounce and people.usable_email_quality in ('ok', 'generic'),
        'invalid', people.usable_email_quality) as usable_email_quality,
    people.reachable and (
        not coalesce(unsure.may_bounce, false)
        or coalesce(people.phone_quality in ('ok', 'generic'), false)
        or coalesce(people.mobile_quality in ('ok', 'generic'), false)
    ) as reachable
from people
left join unsure on people.id = unsure.id
where not coalesce(people.has_left, unsure.may_have_left, false);

create or replace temp table bought as
select account_id, id, kind, product_norm, date, amount, currency, reason_norm
from purchases;
