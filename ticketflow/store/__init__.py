"""The database: tables and the queries on them, a file for each noun. It is the truth about sales."""
