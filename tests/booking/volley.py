"""Many requests at once, each on a connection of its own: httpx is too slow for a thousand."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.api.support import cookies_of
from tests.house import Visitor


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


async def post(fan: Visitor, url: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
    """Send as the fan, to a process of the test's choice, and give the answer."""
    place, content = urlsplit(url), json.dumps(body).encode()
    lines = {
        "Host": place.netloc,
        "Cookie": cookies_of(fan),
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    first, _, rest = answer.partition(b"\r\n")
    return Answer(int(first.split()[1]), json.loads(rest.partition(b"\r\n\r\n")[2]))
