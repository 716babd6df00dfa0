"""`ticketflow up`: everything in one process, ended by Ctrl-C, found again by the next start."""

import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import servers
from tests.house import command, eventually

DEMO = {"email": "fan@example.com", "password": "ticketflow-demo"}


async def test_it_serves_demo_data_and_ends_all_it_started(tmp_path: Path):
    with up(tmp_path) as (process, url, log):
        async with httpx.AsyncClient(base_url=url, timeout=20) as visitor:
            await servers.answering(visitor, "/readyz", process, log)
            events = {event["slug"]: event for event in (await visitor.get("/api/events")).json()}
            sale = events["coldplay-mumbai-2026"]
            assert (sale["currency"], sale["per_user_limit"]) == ("INR", 4)
            assert [(t["capacity"], t["price"]) for t in sale["ticket_types"]] == [(50_000, 250_000)]
            assert sum(t["seated"] for e in events.values() for t in e["ticket_types"]) == 2
            assert [e["sale_state"] for e in events.values()].count("lobby") == 1
        children = children_of(process.pid)
        assert len(children) == 1, "Valkey, and nothing else"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert not any(alive(child) for child in children)
        assert "Traceback" not in log.read_text()


async def test_a_second_start_finds_accounts_places_tickets_and_mail(tmp_path: Path):
    with up(tmp_path) as (process, url, log):
        async with httpx.AsyncClient(base_url=url, timeout=20) as fan:
            await servers.answering(fan, "/readyz", process, log)
            await fan.post("/api/login", json=DEMO)
            await fan.post("/api/events/1/queue")
            await fan.post("/api/events/1/queue/claim")
            hold = (await fan.post("/api/events/1/holds", json={"ticket_type_id": 1, "quantity": 2})).json()
            paid = {"hold_id": hold["id"], "payment": {"method": "card-ok"}}
            booked = (await fan.post("/api/bookings", json=paid)).json()
            assert booked["status"] == "confirmed"
            place = (await fan.post("/api/events/3/queue")).json()
            await eventually(lambda: mail_has(fan, booked["tickets"][0]["code"]))
            cookies = fan.cookies
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    with up(tmp_path) as (process, url, log):
        async with httpx.AsyncClient(base_url=url, timeout=20, cookies=cookies) as fan:
            await servers.answering(fan, "/readyz", process, log)
            assert [b["id"] for b in (await fan.get("/api/bookings")).json()] == [booked["id"]]
            again = await fan.get("/api/events/3/queue", headers={"Queue-Ticket": place["ticket"]})
            assert again.json()["ticket"] == place["ticket"]
            sale = (await fan.get("/api/events/1")).json()
            assert sale["ticket_types"][0]["remaining"] == 49_998
            assert await mail_has(fan, booked["tickets"][0]["code"])


async def test_kill_9_leaves_no_valkey_behind_and_the_next_start_works(tmp_path: Path):
    with up(tmp_path) as (process, url, log):
        async with httpx.AsyncClient(base_url=url, timeout=20) as visitor:
            await servers.answering(visitor, "/readyz", process, log)
        children = children_of(process.pid)
        process.kill()
        process.wait()

        async def all_gone() -> bool:
            return not any(alive(child) for child in children)

        await eventually(all_gone)
    with up(tmp_path) as (process, url, log):
        async with httpx.AsyncClient(base_url=url, timeout=20) as visitor:
            await servers.answering(visitor, "/readyz", process, log)


async def test_a_data_folder_in_use_and_a_taken_port_are_told_in_one_line(tmp_path: Path):
    with up(tmp_path) as (process, url, log):
        async with httpx.AsyncClient(base_url=url, timeout=20) as visitor:
            await servers.answering(visitor, "/readyz", process, log)
        assert "TICKETFLOW_DATA_DIR" in refusal(environment(tmp_path, servers.free_port()))
        port = httpx.URL(url).port
        assert port is not None
        assert f"PORT {port}" in refusal(environment(tmp_path / "other", port))


def refusal(env: dict[str, str], name: str = "up") -> str:
    ended = subprocess.run(command(name), env=env, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1, ended.stderr
    return errors[0]


@contextmanager
def up(folder: Path):
    """The running command, its address and its log."""
    folder.mkdir(exist_ok=True)
    port, log = servers.free_port(), folder / "up.log"
    with servers.process(command("up"), log, env=environment(folder, port)) as process:
        yield process, f"http://127.0.0.1:{port}", log


def environment(folder: Path, port: int) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TICKETFLOW_")}
    return mine | {"PORT": str(port), "TICKETFLOW_DATA_DIR": str(folder / "data")}


async def mail_has(visitor: httpx.AsyncClient, words: str) -> bool:
    """Whether a letter in the mailbox carries these words."""
    inbox = (await visitor.get("/mailbox")).text
    keys = {part.split('"')[0] for part in inbox.split('href="/mailbox/')[1:]}
    letters = [(await visitor.get(f"/mailbox/{key}")).text for key in keys]
    return any(words in letter for letter in letters)


def children_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_stores_that_cannot_be_reached_are_told_in_one_line(tmp_path: Path):
    nobody = f"127.0.0.1:{servers.free_port()}"
    stores = {"TICKETFLOW_REDIS_URL": f"redis://{nobody}", "TICKETFLOW_PUBLIC_URL": "http://localhost"}
    keys = {"TICKETFLOW_SECRET_KEYS": "s" * 40, "TICKETFLOW_TICKET_KEYS": "7e" * 32}
    env = environment(tmp_path, 0) | stores | keys
    for url in (
        f"mysql+aiomysql://root@{nobody}/none",
        f"sqlite+aiosqlite:///{tmp_path / 'without-tables.db'}",
    ):
        assert "cannot be reached" in refusal(env | {"TICKETFLOW_DATABASE_URL": url}, "serve")
