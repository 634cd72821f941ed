-- What can be seen of each item's columns. A table that is hidden hides all its columns,
-- one that is not mapped has none.
create or replace temp table item_columns as
select
    wanted_columns.*,
    case
        when of_table.status = 'unreadable' then 'unreadable'
        else coalesce(of_column.status, 'unmapped')
    end as status
from wanted_columns
left join seen_columns as of_column
    on wanted_columns.table_name = of_column.table_name
    and wanted_columns.column_name = of_column.column_name
left join seen_columns as of_table
    on wanted_columns.table_name = of_table.table_name
    and of_table.column_name = '*';
