select accounts.id as of_account, accounts.name as called, accounts.*
from accounts
order by accounts.id
