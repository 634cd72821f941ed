select opportunities.account_id as of_account, opportunities.name as called, opportunities.*
from opportunities
where opportunities.account_id in (select id from accounts)
order by opportunities.account_id, opportunities.id
