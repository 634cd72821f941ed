-- What a company has added to the minimum in columns of its own.
select
    account_texts.account_id,
    item_columns.item,
    account_texts.account_id as record,
    cast(null as date) as on_date,
    text_state(account_texts.value_norm, $placeholders) as state
from account_texts
inner join item_columns
    on account_texts.column_name = item_columns.column_name
where item_columns.table_name = 'accounts' and item_columns.status <> 'unmapped'
