"""Reader of the SQL tables that Wikimedia publishes as mysqldump output.

    >>> from spark_jobs.dumps.sql import read_table

`read_table` yields Arrow record batches of any of these tables. The meaning of the columns of a table belongs to its callers in
`extraction` and `stages`.
"""

from spark_jobs.dumps.sql.table_reader import read_rows, read_table

__all__ = ["read_rows", "read_table"]
