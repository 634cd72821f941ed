select people.account_id as of_account, people.name as called, people.*
from people
order by people.account_id, people.id
