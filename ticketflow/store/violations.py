"""How each driver says that a constraint was violated: `databases` passes their errors through."""

import sqlite3

import pymysql

UNIQUE = (sqlite3.IntegrityError, pymysql.err.IntegrityError)
"""A row would break a unique or foreign key."""

BROKEN = (sqlite3.OperationalError, pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError)
"""The database is away, or locked, or chose this transaction as the one to give way: try again."""

UNUSABLE = (*BROKEN, pymysql.err.ProgrammingError)
"""What a start may meet besides: MariaDB says so of tables that are not there."""
