select opportunities.account_id as of_account, line_items.product as called, line_items.*
from line_items
inner join opportunities on line_items.opportunity_id = opportunities.id
where opportunities.account_id in (select id from accounts)
order by opportunities.account_id, line_items.id
