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

create or replace temp table present_people as
select
    account_id, id, name_norm, title_norm, department_norm, role_norm, is_decision_maker,
    preferred_channel_norm, phone_quality, mobile_quality, usable_email_quality, reachable
from people
where not coalesce(has_left, false);

create or replace temp table bought as
select account_id, id, kind, product_norm, date, amount, currency, reason_norm
from purchases;
