select orders.account_id as of_account, orders.product as called, orders.*
from orders
where orders.account_id in (select id from accounts)
order by orders.account_id, orders.id
