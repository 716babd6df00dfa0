"""The commands."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from redis.exceptions import RedisError
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from ticketflow import __version__, auditing, door_command, faults, log_command, logs, seed
from ticketflow.app import open_web
from ticketflow.checking import MOST_DOOR, Door
from ticketflow.clients import open_stores
from ticketflow.domain import Refusal, Role, User
from ticketflow.embedded import embedded
from ticketflow.live.session_ends import tell_role_changed
from ticketflow.settings import BadSetting, Settings
from ticketflow.store import migrate as migrations
from ticketflow.store import roles, violations
from ticketflow.web.serving import check_port, serve_until, stop_signal
from ticketflow.worker import run_worker

SERVING = ("database_url", "redis_url", "secret_keys", "ticket_keys", "public_url")
BOOKS = ("database_url", "redis_url", "secret_keys")

T = TypeVar("T")


class CouldNotTell(click.ClickException):
    """Not the same as a difference or a refused ticket, which end with 1."""

    exit_code = 2


@click.group()
@click.version_option(__version__)
def main() -> None:
    """A real-time ticket desk with a virtual waiting room."""


@main.command()
@click.option(
    "--crowd", type=click.IntRange(1, 20_000), help="Let so many simulated fans come to the demo sale."
)
def up(crowd: int | None) -> None:
    """Run everything in one process, with nothing installed: Valkey, SQLite, a mailbox and demo data."""
    logs.set_up(plain=True, level=logging.WARNING)
    _run(_up(_settings(), crowd))


@main.command()
def serve() -> None:
    """Serve the web against the stores that the settings name."""
    logs.set_up(plain=sys.stderr.isatty())
    _run(_serve(_settings(*SERVING)))


@main.command()
def worker() -> None:
    """Run the background loops: rooms tick, holds expire, orders are booked, mail goes out."""
    logs.set_up(plain=sys.stderr.isatty())
    _run(_work(_settings(*SERVING, "smtp_url")))


@main.command()
@click.option("--down", is_flag=True, help="Take the schema away again, with everything in it.")
def migrate(down: bool) -> None:
    """Bring the database's schema up to date."""
    url = _settings("database_url").database_url
    if down:
        click.confirm("This deletes all tables with what is in them. Go on?", abort=True)
    try:
        (migrations.downgrade if down else migrations.upgrade)(url)
    except DBAPIError as error:
        raise click.ClickException(f"TICKETFLOW_DATABASE_URL cannot be used: {error.orig}") from None
    click.echo("The schema is taken down." if down else "The schema is up to date.")


@main.command("seed")
@click.option("--demo", is_flag=True, required=True, help="The demo accounts and sales.")
def seed_command(demo: bool) -> None:
    """Write demo data into the database that the settings name."""
    _run(_seed(_settings("database_url")))
    click.echo("The demo data is there.")


@main.command()
@click.argument("count", metavar="N", type=click.IntRange(1, 20_000))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The server they come to.")
@click.option("--event", metavar="SLUG", help="The sale they come to; by default the one with most left.")
@click.option("--hurry", type=click.FloatRange(1), default=1, help="So many times quicker than people are.")
@click.option(
    "--arrivals", type=click.FloatRange(0.1), help="Fans a second; by default 8 to 25, by the size."
)
def crowd(count: int, url: str, event: str | None, hurry: float, arrivals: float | None) -> None:
    """Let N simulated fans come to a sale: they register, queue, book or think better of it.

    Ends with 1 if they saw something that must not be. Each registers anew, so a server that is not
    `ticketflow up` on this machine wants TICKETFLOW_SIGN_INS_PER_MINUTE high enough.
    """
    from ticketflow.crowd.reply import NoSale
    from ticketflow.crowd.run import Plan, run_crowd

    async def come() -> bool:
        tally = await run_crowd(Plan(url, count, event, hurry, arrivals), Console(), stop_signal())
        return not tally.errors

    try:
        well = asyncio.run(come())
    except NoSale as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if well else 1)


@main.command()
@click.argument("event", required=False)
@click.option("--repair", is_flag=True, help="Mend what differs: the database is right.")
@click.option("--json", "as_json", is_flag=True, help="Tell it to a machine.")
@click.option(
    "--hours", type=click.IntRange(1), default=24, show_default=True, help="How far back payments go."
)
def audit(event: str | None, repair: bool, as_json: bool, hours: int) -> None:
    """Compare Redis, the database, the payment gateway and the outbox; of one EVENT (id or name) or of all.

    May be run while the sale is on. Ends with 1 if something differs and is not mended, with 2 if it could
    not be compared: a store or the gateway is away, or there is no such event.
    """
    logs.set_up(plain=True, level=logging.ERROR)
    try:
        settings = _settings(*BOOKS)
        left = _run(auditing.audit(settings, Console(), event, repair=repair, hours=hours, as_json=as_json))
    except click.ClickException as error:
        raise CouldNotTell(error.message) from None
    sys.exit(1 if left.differences else 2 if left.silent else 0)


@main.command()
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def role(email: str, role: str) -> None:
    """Let the account of EMAIL be an organiser, an admin or a fan from now on.

    Only an account that has proven the address: anybody may claim one.
    """
    logs.set_up(plain=True, level=logging.ERROR)
    try:
        user = _run(_change_role(_settings("database_url", "redis_url"), email, Role(role)))
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    click.echo(f"{user.email} is {'a fan' if role == Role.FAN else f'an {role}'} from now on.")


@main.command()
@click.argument("event")
def rebuild(event: str) -> None:
    """Make the stock of EVENT (id or name) in Redis anew from the database, while the sale is on.

    Holds stand where the database has not sold their units; new ones wait a moment.
    """
    logs.set_up(plain=True, level=logging.ERROR)
    done = _run(auditing.rebuild(_settings(*BOOKS), event))
    click.echo(f"The stock is rebuilt. Holds kept: {done.kept}, ended: {done.ended}.")


@main.command("check")
@click.argument("code")
@click.option("--event", "event_id", type=click.IntRange(1), help="The event at this door, by its id.")
@click.option("--door", default="", help="The door's name, kept with the first use (80 characters at most).")
@click.option("--look", is_flag=True, help="Only look: nothing is written down.")
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    help="Check offline, with what /.well-known/ticket-keys.json says.",
)
def check_command(code: str, event_id: int | None, door: str, look: bool, keys: Path | None) -> None:
    """Check a ticket's CODE as a door does: what its QR code says, or the short code.

    Ends with 0 if its bearer may come in, with 1 if not, with 2 if it could not be checked.
    """
    logs.set_up(plain=True, level=logging.ERROR)
    door = door.strip()
    if len(door) > MOST_DOOR or not door.isprintable():
        raise CouldNotTell(f"a door's name is one line of {MOST_DOOR} characters at most")
    try:
        if keys:
            valid, said = door_command.offline(keys, code, event_id)
        else:
            settings = _settings("database_url", "ticket_keys")
            at = Door(None, event_id, door)
            valid, said = _run(door_command.against_database(settings, code, at, look=look))
    except click.ClickException as error:
        raise CouldNotTell(error.message) from None
    except door_command.BadKeys as error:
        raise CouldNotTell(str(error)) from None
    click.echo(said)
    sys.exit(0 if valid else 1)


@main.command("verify-log")
@click.argument("log", required=False, type=click.Path(path_type=Path))
@click.option(
    "--event", "event_id", type=click.IntRange(1), help="Check the log of this event in the database."
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    help="What /.well-known/ticket-keys.json says.",
)
@click.option(
    "--earlier", type=click.Path(path_type=Path), help="An older export, which LOG must begin with."
)
def verify_log(log: Path | None, event_id: int | None, keys: Path | None, earlier: Path | None) -> None:
    """Check an admission LOG that was downloaded, or one in the database: rows, chain and signatures.

    Without --keys it goes by the keys of the settings. Ends with 0 if all is right, with 1 if something is
    wrong, and tells the row, with 2 if it could not be checked.
    """
    logs.set_up(plain=True, level=logging.ERROR)
    try:
        if (log is None) == (event_id is None) or (event_id and (keys or earlier)):
            raise click.ClickException("say a file, or --event alone (see verify-log --help)")
        if log:
            secrets = () if keys else _settings("ticket_keys").ticket_keys
            checked = log_command.offline(log, keys, secrets, earlier)
        else:
            settings = _settings("database_url", "ticket_keys")
            checked = _run(log_command.in_database(settings, event_id or 0))
    except (click.ClickException, log_command.CannotCheck) as error:
        raise CouldNotTell(getattr(error, "message", None) or str(error)) from None
    click.echo(log_command.told(checked))
    sys.exit(1 if checked.fault else 0)


def _settings(*required: str) -> Settings:
    try:
        settings = Settings.read(os.environ).require(*required)
    except BadSetting as error:
        raise click.ClickException(str(error)) from None
    faults.arm(settings.fault)
    return settings


def _run(work: Coroutine[Any, Any, T]) -> T:
    """What a command gives when it has run to its end. What stops the start is told in one line."""
    try:
        return asyncio.run(work)
    except* auditing.NoSuchEvent as group:
        raise click.ClickException(str(_first(group))) from None
    except* BadSetting as group:
        raise click.ClickException(str(_first(group))) from None
    except* (RedisError, *violations.UNUSABLE) as group:
        # While it runs, each loop waits for its store to come back; only a start ends here.
        raise click.ClickException(
            f"a store cannot be reached or used ({_first(group)}); see TICKETFLOW_DATABASE_URL and "
            "TICKETFLOW_REDIS_URL. A new database wants ticketflow migrate first."
        ) from None


def _first(error: BaseException) -> BaseException:
    """The first plain error in a group of groups."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _up(settings: Settings, crowd: int | None) -> None:
    stop = stop_signal()
    check_port(settings)
    async with embedded(settings) as ready:
        await asyncio.to_thread(migrations.upgrade, ready.settings.database_url)
        await _seed(ready.settings)
        async with (
            open_web(ready.settings, with_worker=True, mailbox_path=ready.mailbox) as app,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(serve_until(stop, app, ready.settings))
            _welcome(ready.settings, mailbox=ready.mailbox is not None)
            if crowd:
                tasks.create_task(_let_come(crowd, ready.settings, stop))


async def _serve(settings: Settings) -> None:
    stop = stop_signal()
    async with open_web(settings) as app:
        await serve_until(stop, app, settings)


async def _work(settings: Settings) -> None:
    await run_worker(settings, stop_signal())


async def _seed(settings: Settings) -> None:
    async with open_stores(replace(settings, redis_url=settings.redis_url or "redis://unused")) as stores:
        await seed.seed_demo(stores.database)


async def _change_role(settings: Settings, email: str, role: Role) -> User:
    """Nobody is signed in at a command line, so in the audit log the account itself stands for who did it."""
    async with open_stores(settings) as stores:
        proven = [user for user in await roles.claiming(stores.database, email) if user.verified]
        if not proven:
            raise Refusal("not_found", "No account has proven this address. Nothing was changed.")
        await roles.change(stores.database, proven[0].id, role, actor_id=proven[0].id)
        await tell_role_changed(stores.redis, settings.redis_prefix, proven[0].id)
        return proven[0]


async def _let_come(count: int, settings: Settings, stop: asyncio.Event) -> None:
    """The crowd is a process of its own, so that it does not take the server's time to think."""
    url = f"http://127.0.0.1:{settings.port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ticketflow", "crowd", str(count), "--url", url
    )
    ended, stopped = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if process.returncode is None:
        process.terminate()
    await ended


def _welcome(settings: Settings, *, mailbox: bool) -> None:
    base = settings.public_url
    lines = [
        "",
        click.style("TicketFlow is up.", bold=True) + " Ctrl-C ends it.",
        "",
        f"  The sales      {base}/",
        f"  The organiser  {base}/organiser",
    ]
    if mailbox:
        lines.append(f"  The mailbox    {base}/mailbox")
    lines += [
        "",
        f"  Sign in as     {seed.FAN} or {seed.ORGANISER}, password {seed.PASSWORD}",
        f"  Data in        {settings.data_dir.resolve()}, kept for the next start",
        "",
    ]
    click.echo("\n".join(lines))
