select requests.account_id as of_account, requests.subject as called, requests.*
from requests
where requests.account_id in (select id from accounts)
order by requests.account_id, requests.id
