"""The document tells of every call, and everything it shows is true to itself. The answers are held to it in
tests/api/test_schemathesis.py."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from quart_schema.validation import QUART_SCHEMA_REQUEST_ATTRIBUTE

from tests.api.support import is_problem, made_sale
from tests.api.test_routes import CONTRACT, routes
from tests.house import House, Sale, Visitor
from ticketflow.domain import iso, now
from ticketflow.web.openapi import CALLS
from ticketflow.web.openapi.answers import DrawView
from ticketflow.web.openapi.calls import TAKEN
from ticketflow.web.openapi.document import SAFE_FOR_ALL, problem_example
from ticketflow.web.openapi.meanings import MEANINGS, status_of
from ticketflow.web.problems import HTTP, PUBLIC_CODE, STATUS
from waiting_room.web import STATUS as ROOM_STATUS

# What is written in the document depends on no database.
pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True, scope="package"),
]
UNTOLD = {"GET /openapi.json"}


async def document_of(house: House) -> dict[str, Any]:
    async with house.visitor() as anybody:
        answer = await anybody.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def told(route: str) -> str:
    """A line of the list of routes as the document writes it."""
    method, path = route.split(" ")
    for converter in ("int:", "path:"):
        path = path.replace(f"<{converter}", "<")
    return f"{method} {path}".replace("<room_id>", "<event_id>").replace("<", "{").replace(">", "}")


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_every_call_of_the_api_is_told_of_and_nothing_else(house: House):
    document = await document_of(house)
    wanted = {told(route) for route in CONTRACT if not route.startswith("WS")} - UNTOLD
    assert set(operations(document)) == wanted == set(CALLS)
    assert document["openapi"].startswith("3.1.")
    assert {told(route) for route in routes(house) if " /api/" in route} <= set(operations(document))


async def test_a_call_has_its_words_its_answers_and_its_problems(house: House):
    document = await document_of(house)
    tags = [tag["name"] for tag in document["tags"]]
    names = set()
    for key, operation in operations(document).items():
        assert operation["summary"], key
        assert operation["description"], key
        assert operation["tags"][0] in tags, key
        assert {status for status in operation["responses"] if status < "300"}, key
        for response in operation["responses"].values():
            assert response["description"], key
        if not key.endswith(SAFE_FOR_ALL):
            assert {"429", "503"} <= set(operation["responses"]), key
        if "{" in key:
            assert "404" in operation["responses"], key
        names.add(operation["operationId"])
    assert len(names) == len(operations(document))


async def test_who_a_call_is_for_is_said_of_it(house: House):
    for key, operation in operations(await document_of(house)).items():
        assert bool(operation.get("security")) is CALLS[key].who.signed_in, key
        assert not CALLS[key].who.signed_in or "401" in operation["responses"], key


async def test_each_example_of_a_body_can_be_sent(house: House):
    assert house.app is not None
    seen = 0
    for route, endpoint in routes(house).items():
        asked = getattr(house.app.view_functions[endpoint], QUART_SCHEMA_REQUEST_ATTRIBUTE, None)
        if asked is not None and told(route) in CALLS:
            model: type[BaseModel] = asked[0]
            model.model_validate_json(json.dumps(CALLS[told(route)].example))
            seen += 1
    assert seen == sum(call.example is not None for call in CALLS.values())


async def test_every_code_that_is_used_has_a_meaning_and_a_status(house: House):
    used = (
        {PUBLIC_CODE.get(code, code) for code in STATUS}
        | set(ROOM_STATUS)
        | {code for code, _ in HTTP.values()}
    )
    assert used <= set(MEANINGS)
    for code in MEANINGS:
        assert problem_example(code)["status"] == status_of(code)


async def test_every_header_that_is_taken_is_explained(house: House):
    for key, call in CALLS.items():
        assert set(call.takes) <= set(TAKEN), key


async def test_every_reference_leads_somewhere(house: House):
    document = await document_of(house)
    schemas = document["components"]["schemas"]
    found = set()

    def look(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                found.add(node["$ref"].removeprefix("#/components/schemas/"))
            for inside in node.values():
                look(inside)
        elif isinstance(node, list):
            for inside in node:
                look(inside)

    look(document)
    assert found
    assert found <= set(schemas)


@pytest.mark.parametrize(
    "key", [key for key, call in CALLS.items() if call.who.refuses_strangers and call.example]
)
async def test_a_stranger_is_sent_to_sign_in_before_their_body_is_read(house: House, sale: Sale, key: str):
    method, path = key.split(" ")
    where = path.format(
        event_id=sale.event_id, hold_id="x", booking_id="x", token_id=1, account_id=1, type_id=1
    )
    async with house.visitor() as stranger:
        for body in (b"{", b"[]", b'{"no": "such field"}', b""):
            headers = {"Content-Type": "application/json"}
            answer = await stranger.request(method, where, content=body, headers=headers)
            is_problem(answer, 401, "not_signed_in")


async def test_who_is_signed_in_is_told_what_is_wrong_with_the_body(house: House, sale: Sale, fan: Visitor):
    """The control of the one above: it is the stranger who is refused, not the body."""
    answer = await fan.post(f"/api/events/{sale.event_id}/holds", json={"no": "such field"})
    is_problem(answer, 422, "invalid_request")


async def test_a_number_that_no_database_holds_names_nothing(house: House, fan: Visitor):
    is_problem(await fan.delete(f"/api/tokens/{10**30}"), 404, "not_found")
    is_problem(await fan.get(f"/api/events/{2**63}"), 404, "not_found")


async def test_under_the_api_everything_that_is_not_there_is_a_problem_document(house: House):
    async with house.visitor() as anybody:
        is_problem(await anybody.get("/api/no/such/call"), 404, "not_found")
        is_problem(await anybody.get("/api"), 404, "not_found")
        is_problem(await anybody.get("/api/"), 404, "not_found")
        is_problem(await anybody.get("/api/events//seats"), 404, "not_found")
        is_problem(await anybody.put("/api/events"), 405, "method_not_allowed")
        is_problem(await anybody.delete("/openapi.json", headers={"Accept": "application/json"}), 405)


async def test_a_draw_is_what_the_document_says(house: House, sale: Sale):
    async with house.visitor() as anybody:
        await anybody.sign_in(sale.organiser_email)
        lobby = await made_sale(anybody, lobby_opens_at=iso(now() - timedelta(minutes=1)))
        draw = await anybody.get(f"/api/events/{lobby.event_id}/draw")
    assert draw.status_code == 200
    DrawView.model_validate_json(draw.text, strict=True)


async def test_the_page_for_people_tells_of_every_call_too(house: House):
    async with house.visitor() as anybody:
        page = await anybody.get("/docs")
        foot = (await anybody.get("/")).text
    assert page.status_code == 200
    assert 'href="/docs"' in foot
    for key, operation in operations(await document_of(house)).items():
        assert f'id="{operation["operationId"]}"' in page.text, key
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                for code in content.get("examples", {}):
                    assert code in page.text, (key, code)
    assert "<script src" not in page.text
