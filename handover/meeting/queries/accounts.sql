-- What stands in the customers' own records.
select
    *,
    cast(timezone((select zone from settings), modified_at) as date) as changed
from accounts
order by id
