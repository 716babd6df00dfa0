"""The schema's migrations, through Alembic, for MariaDB, MySQL and SQLite."""

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url

from ticketflow.files import folder


def sync_url(url: str) -> str:
    """The same database by a driver that blocks: migrations run alone, before anything serves."""
    parsed = make_url(url)
    driver = "sqlite" if parsed.get_backend_name() == "sqlite" else "mysql+pymysql"
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` up to `revision`; does nothing if it is there already."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Take the database at `url` back to `revision`. What the dropped tables held is gone."""
    command.downgrade(_config(url), revision)
