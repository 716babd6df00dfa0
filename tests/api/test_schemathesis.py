"""Every answer to made-up requests is one that the document tells of, for a stranger, a fan and an organiser.

A few requests a call here, drawn the same each time; thousands by `make fuzz`.
"""

import copy
from typing import Any

import pytest

from tests.api.fuzzing import CASES, ask_everything, person
from tests.house import House
from ticketflow.web.openapi import CALLS
from ticketflow.web.openapi.calls import Who

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True, scope="package"),
    # The house draws its own lots in the loop while hypothesis draws requests in a thread.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
    pytest.mark.timeout(7200 if CASES else 240),
]
NEVER_WELL = {
    # Only the gateway signs notices; this sale has had no lobby: tests/api/test_openapi.py looks at one.
    *("POST /api/payments/webhook", "GET /api/events/{event_id}/draw"),
    # Their links are in letters; and who has tickets, or sells some, cannot close their account.
    *("POST /api/verify", "POST /api/password/reset", "DELETE /api/me"),
}
"""What goes well for nobody here."""
NOBODY_YET = {"POST /api/login"}
"""What a stranger cannot do: they have no account."""
FOR = {
    "stranger": {Who.ANYBODY, Who.TICKET},
    "fan": {Who.ANYBODY, Who.TICKET, Who.ACCOUNT, Who.OWNER},
    "organiser": {Who.ANYBODY, Who.TICKET, Who.ACCOUNT, Who.OWNER, Who.ORGANISER},
}


async def document_of(house: House) -> dict[str, Any]:
    async with house.visitor() as anybody:
        return dict((await anybody.get("/openapi.json")).json())


@pytest.mark.parametrize("role", ["stranger", "fan", "organiser"])
async def test_every_answer_is_told_of(house: House, role: str):
    someone = await person(house, role)
    await ask_everything(someone, await document_of(house))
    assert someone.wrong == {}
    well = {key for key, status in someone.seen if status < 400}
    wanted = {key for key, call in CALLS.items() if call.who in FOR[role]} - NEVER_WELL
    if role == "stranger":
        wanted -= NOBODY_YET
    assert wanted - well == set(), someone.seen
    for (key, status), times in someone.seen.items():
        assert CALLS[key].who in FOR[role] or status >= 400, (key, status, times)
    print(f"\n{role}: {someone.cases} requests", dict(_by_status(someone.seen)))  # for `make fuzz`


def _by_status(seen: dict[tuple[str, int], int]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for (_, status), times in sorted(seen.items(), key=lambda item: item[0][1]):
        sums[status] = sums.get(status, 0) + times
    return sums


@pytest.mark.parametrize("left_out", ["status", "field", "code", "header"])
async def test_an_answer_that_is_not_told_of_is_found(house: House, left_out: str):
    """The control: with a hole in the document the same requests fail."""
    document, event = copy.deepcopy(await document_of(house)), "GET /api/events/{event_id}"
    document["paths"] = {"/api/events/{event_id}": document["paths"]["/api/events/{event_id}"]}
    responses = document["paths"]["/api/events/{event_id}"]["get"]["responses"]
    if left_out == "status":
        del responses["404"]
    elif left_out == "field":
        event_view = document["components"]["schemas"]["EventView"]
        del event_view["properties"]["venue"]
        event_view["required"].remove("venue")
    elif left_out == "code":
        responses["404"]["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"][
            "code"
        ] = {"enum": ["no_place"]}
    else:
        responses["200"]["headers"]["Poll-After"]["schema"] = {"type": "boolean"}
    stranger = await person(house, "stranger")
    await ask_everything(stranger, document, only=event)
    assert stranger.wrong
