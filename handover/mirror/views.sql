-- What hangs together, worked out once: the audit and the plan read these views only.
-- The tables of the common schema are views already, of one source and without deleted
-- rows; `accounts` is narrowed to the chosen ones, so is everything below. `settings` is
-- one row: as_of, zone, currency. `confirmations` comes from the ledger. `aside` lists the
-- cells and records that did not fit, `pointing` the columns with references of which some
-- lead nowhere or by another form of an id.

create view unresolved as
-- What activities hang on is named as it is mapped: by a column for each kind.
select
    if(table_name = 'activity_links', 'activities', table_name) as table_name,
    case
        when table_name <> 'activity_links' then column_name
        when refers = 'accounts' then 'account_id'
        when refers = 'contacts' then 'contact_id'
        else 'opportunity_id'
    end as column_name,
    refers,
    unresolved as count,
    examples
from pointing
where unresolved > 0;

create view active_users as
select id from users where coalesce(is_active, true);

-- Who has left a company, whatever else still says that they belong there.
create view ended_relations as
with relations as (
    select
        contact_id,
        account_id,
        coalesce(is_active, true)
        and coalesce(ended_on >= (select as_of from settings), true) as holds
    from contact_links
    where is_active is not null or ended_on is not null
)

select contact_id, account_id
from relations
group by contact_id, account_id
having not bool_or(holds);

-- Direct contacts and linked ones (labels, several accounts); roles of both.
create view account_contacts as
with linked as (
    select
        contact_id,
        account_id,
        string_agg(role_norm, '; ' order by role_norm) as role_norm
    from contact_links
    anti join ended_relations
        on contact_links.contact_id = ended_relations.contact_id
        and contact_links.account_id = ended_relations.account_id
    where account_id in (select id from accounts)
    group by contact_id, account_id
)

select
    contacts.account_id,
    contacts.id as contact_id,
    case
        when linked.role_norm is null then contacts.role_norm
        when contacts.role_norm is null then linked.role_norm
        else contacts.role_norm || '; ' || linked.role_norm
    end as role_norm
from contacts
left join linked
    on contacts.id = linked.contact_id and contacts.account_id = linked.account_id
left join ended_relations
    on contacts.id = ended_relations.contact_id
    and contacts.account_id = ended_relations.account_id
where contacts.account_id in (select id from accounts)
    and ended_relations.contact_id is null
union all
select
    linked.account_id,
    contacts.id,
    concat_ws('; ', contacts.role_norm, linked.role_norm)
from linked
inner join contacts on linked.contact_id = contacts.id
where contacts.account_id is distinct from linked.account_id;

-- A bounced or opted-out address is none.
create view people as
select
    account_contacts.account_id,
    contacts.* exclude (account_id, role_norm),
    account_contacts.role_norm,
    if(coalesce(contacts.email_bounced, false) or coalesce(contacts.opted_out, false),
        null, contacts.email_quality) as usable_email_quality,
    not coalesce(contacts.has_left, false) and (
        coalesce(contacts.phone_quality in ('ok', 'generic'), false)
        or coalesce(contacts.mobile_quality in ('ok', 'generic'), false)
        or coalesce(usable_email_quality in ('ok', 'generic'), false)
    ) as reachable
from account_contacts
inner join contacts on account_contacts.contact_id = contacts.id;

-- An activity counts for every account it is linked to: directly, through a contact or
-- through an opportunity.
create view account_activities as
select target_id as account_id, activity_id
from activity_links
where target = 'account' and target_id in (select id from accounts)
union
select account_contacts.account_id, activity_links.activity_id
from activity_links
inner join account_contacts on activity_links.target_id = account_contacts.contact_id
where activity_links.target = 'contact'
union
select opportunities.account_id, activity_links.activity_id
from activity_links
inner join opportunities on activity_links.target_id = opportunities.id
where activity_links.target = 'opportunity'
    and opportunities.account_id in (select id from accounts);

-- What took place between us and the customer: never a note or task, never our own
-- entries, never what lies ahead; where nobody says whether it was done, it was. A
-- confirmation by a person of the customer is one.
create view interactions as
select
    account_activities.account_id,
    activities.id,
    activities.owner_id,
    activities.kind,
    activities.happened_at,
    activities.happened_on as on_date,
    activities.text_norm,
    -- A bare date is the end of its day.
    if(activities.has_time, activities.happened_at,
        timezone((select zone from settings), cast(activities.happened_on + 1 as timestamp))
        - interval 1 microsecond) as moment
from activities
inner join account_activities on activities.id = account_activities.activity_id
where activities.kind in ('call', 'meeting', 'visit', 'email')
    and coalesce(activities.is_done, true)
    and activities.happened_on <= (select as_of from settings)
    and coalesce(activities.outcome, 'done') not in ('no_answer', 'cancelled')
    and activities.handover_key is null
union all
select
    account_id,
    'confirmation:' || id,
    recorded_by,
    'confirmation',
    happened_at,
    on_date,
    item,
    happened_at
from confirmations
where person is not null
    and on_date <= (select as_of from settings)
    and account_id in (select id from accounts);

-- Of one moment, the larger id as text.
create view latest_interactions as
select account_id, id, on_date, text_norm
from interactions
qualify row_number() over (partition by account_id order by moment desc, id desc) = 1;

-- Won opportunities' line items, won opportunities without any, and orders. Lines without
-- an amount share what is left of the opportunity's amount; lines of another currency
-- neither share nor count.
create view purchases as
with won as (
    select * from opportunities
    where is_won and account_id in (select id from accounts)
),

lines as (
    select
        won.account_id,
        line_items.id,
        won.id as opportunity_id,
        line_items.product,
        line_items.product_norm,
        coalesce(line_items.date, won.close_date) as date,
        line_items.amount,
        coalesce(line_items.currency, won.currency) as currency,
        won.reason,
        won.reason_norm,
        won.amount as whole,
        coalesce(line_items.currency, won.currency, '') = coalesce(won.currency, '') as shares
    from line_items
    inner join won on line_items.opportunity_id = won.id
),

rests as (
    select
        opportunity_id,
        cast(greatest(any_value(whole) - coalesce(sum(amount), 0), 0)
            / nullif(count(*) filter (where amount is null), 0) as decimal(18, 4)) as share
    from lines
    where shares
    group by opportunity_id
)

select
    lines.account_id,
    lines.id,
    'line_items' as kind,
    lines.opportunity_id,
    lines.product,
    lines.product_norm,
    lines.date,
    if(lines.amount is null and lines.shares, rests.share, lines.amount) as amount,
    lines.currency,
    lines.reason,
    lines.reason_norm
from lines
left join rests on lines.opportunity_id = rests.opportunity_id
union all
select
    account_id, id, 'opportunities', id, product, product_norm, close_date, amount, currency,
    reason, reason_norm
from won
anti join line_items on won.id = line_items.opportunity_id
union all
select
    account_id, id, 'orders', null, product, product_norm, date, amount, currency, reason,
    reason_norm
from orders
where account_id in (select id from accounts);

create view open_opportunities as
select * from opportunities
where not coalesce(is_closed, is_won, false)
    and account_id in (select id from accounts);

create view open_requests as
select
    *,
    cast(timezone((select zone from settings), opened_at) as date) as opened_on
from requests
where coalesce(is_open, true) and account_id in (select id from accounts);
