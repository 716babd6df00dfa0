"""Alembic's entry: run by `ticketflow migrate`, which hands over the database's address."""

from alembic import context
from sqlalchemy import create_engine

from ticketflow.store.migrate import sync_url
from ticketflow.store.tables import metadata


def run() -> None:
    url = sync_url(context.config.get_main_option("sqlalchemy.url") or "")
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_server_default=False,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
