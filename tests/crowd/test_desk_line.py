"""A line that drops comes back, and what was not answered is asked again."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from ticketflow.crowd import desk_line
from ticketflow.crowd.desk_line import DeskLine, open_line
from ticketflow.crowd.reply import Broken


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_line, "FIRST_DELAY_SECONDS", 0.01)


@asynccontextmanager
async def line_to(answer: Any, **options: Any):
    """A line to a server that does `answer`, with the frames it was given."""
    frames: list[tuple[dict, int]] = []
    async with serve(answer, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"ws://127.0.0.1:{port}/"
        line = DeskLine(url, {"Queue-Ticket": "mine"}, lambda *frame: frames.append(frame))
        async with open_line(line):
            yield line, frames


async def test_a_reply_finds_its_command_between_frames():
    async def answer(socket: ServerConnection) -> None:
        assert socket.request is not None
        await socket.send(json.dumps({"type": "place", "ticket": socket.request.headers["Queue-Ticket"]}))
        async for text in socket:
            command = json.loads(text)
            await socket.send(json.dumps({"type": "stock"}))
            await socket.send(
                json.dumps({"type": "reply", "id": command["id"], "status": 201, "body": command})
            )

    async with line_to(answer) as (line, frames):
        reply = await line.command("hold", quantity=2)
        again = await line.command("leave")
    assert reply.ok
    assert reply.body == {"id": 1, "do": "hold", "quantity": 2}
    assert again.body == {"id": 2, "do": "leave"}
    assert frames[:2] == [({"type": "place", "ticket": "mine"}, 1), ({"type": "stock"}, 1)]


async def test_a_command_cut_off_is_sent_again_on_the_next_connection():
    heard: list[dict] = []

    async def answer(socket: ServerConnection) -> None:
        command = json.loads(await socket.recv())
        heard.append(command)
        if len(heard) == 3:
            await socket.send(json.dumps({"type": "reply", "id": command["id"], "status": 200, "body": {}}))
            await socket.wait_closed()

    async with line_to(answer) as (line, _):
        reply = await line.command("book", key="k")
        assert reply.status == 200
        assert line.connections == 3
    assert heard == [{"id": 1, "do": "book", "key": "k"}] * 3


async def test_told_when_to_come_back_it_comes_then_and_no_earlier(monkeypatch: pytest.MonkeyPatch):
    # Left to itself it would be back after ten minutes.
    monkeypatch.setattr(desk_line, "FIRST_DELAY_SECONDS", 600)
    monkeypatch.setattr(desk_line, "LONGEST_DELAY_SECONDS", 600)
    came_at: list[float] = []

    async def answer(socket: ServerConnection) -> None:
        came_at.append(asyncio.get_running_loop().time())
        await socket.send(json.dumps({"type": "reconnect", "after": 0.3}))
        if len(came_at) == 2:
            await socket.wait_closed()

    async with line_to(answer) as (line, frames), asyncio.timeout(30):
        await line.until(lambda: line.connections == 2)
    assert came_at[1] - came_at[0] >= 0.3
    assert frames == []


async def test_a_line_that_never_opens_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(desk_line, "MOST_FAILURES", 3)
    tried: list[Any] = []

    def refuse(socket: ServerConnection, request: Any) -> Any:
        tried.append(request)
        return socket.respond(503, "not now")

    async def answer(socket: ServerConnection) -> None:
        raise AssertionError("nobody gets so far")

    async with line_to(answer, process_request=refuse) as (line, _):
        with pytest.raises(Broken, match="the line is dead"):
            await line.command("claim")
    assert len(tried) == 3


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"no": "type"}', '{"type": "reply"}'])
async def test_a_frame_that_cannot_be_read_is_said(text: str):
    async def answer(socket: ServerConnection) -> None:
        await socket.send(text)
        await socket.wait_closed()

    async with line_to(answer) as (line, _):
        with pytest.raises(Broken, match="cannot be read"):
            await line.until(lambda: False)
