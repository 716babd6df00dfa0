"""The OpenAPI document: what quart-schema knows of each route, and what the table of calls says of it."""

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from quart_schema.openapi import OpenAPIProvider
from werkzeug.routing import IntegerConverter
from werkzeug.routing.converters import BaseConverter
from werkzeug.routing.rules import Rule

from ticketflow.web.bearer import NEEDS, OPEN, PERSON
from ticketflow.web.openapi.answers import Problem
from ticketflow.web.openapi.calls import GIVEN, LIMITED, TAKEN, Call, Header, Who
from ticketflow.web.openapi.meanings import MEANINGS, status_of
from ticketflow.web.openapi.table import CALLS, TAGS

JSON, PROBLEM = "application/json", "application/problem+json"
SAFE = frozenset({"GET", "HEAD"})
SAFE_FOR_ALL = ("/healthz", "/readyz")
ABOUT = (
    "Everything a page of TicketFlow does can be done with these calls. Times are ISO 8601 in UTC, money is "
    "in minor units. Whatever goes wrong is a problem document (RFC 9457) whose `code` is stable. What a "
    "browser sends to change something must come from a page of this site."
)
_PATH_TEXTS = {
    "hold_id": ("^[0-9]{1,18}-[0-9a-f]{32}$", "As it came with the hold."),
    "booking_id": ("^[0-9a-f]{32}$", "As it came with the booking."),
}
_REFERENCE = "#/components/schemas/{model}"


def key_of(rule: Rule, method: str) -> str:
    """A route as the table of calls names it."""
    return f"{method} {path_of(rule)}"


def path_of(rule: Rule) -> str:
    """The route's path as OpenAPI writes it. What the waiting room calls a room is an event to everybody."""
    return re.sub(r"<(?:[^:>]*:)?([^>]+)>", r"{\1}", rule.rule).replace("{room_id}", "{event_id}")


def refusals_of(call: Call, rule: Rule, method: str, *, has_body: bool) -> list[str]:
    """The codes of every problem a call may answer: its own, and those of its path, its body and its door."""
    path = path_of(rule)
    api, watching = path.startswith("/api/"), path in SAFE_FOR_ALL
    needed = NEEDS.get(f"{method} {rule.rule}")
    by_what_it_is = (
        (api, ("bad_token",)),
        (api and needed != OPEN, ("ability_missing",)),
        ("{" in path, ("not_found",)),
        (method not in SAFE, ("cross_site",)),
        (has_body, ("malformed_json", "invalid_request")),
        (method not in SAFE, ("body_too_large", "too_slow")),
        ("Idempotency-Key" in call.takes, ("invalid_request",)),
        (call.who.signed_in, ("not_signed_in",)),
        (call.who in (Who.ORGANISER, Who.ADMIN), ("forbidden",)),
        (not watching, ("too_many_requests", "unavailable")),
    )
    codes = [*call.refusals, *(code for holds, more in by_what_it_is if holds for code in more)]
    return sorted(dict.fromkeys(codes), key=lambda code: (status_of(code), code))


class Document(OpenAPIProvider):
    """The library's, with each call's own words, answers and problems. Made once: routes do not change."""

    def schema(self) -> dict[str, Any]:
        return self._whole

    @cached_property
    def _whole(self) -> dict[str, Any]:
        whole = super().schema()
        whole["info"]["description"] = ABOUT
        whole["tags"] = [{"name": name, "description": about} for name, about in TAGS.items()]
        whole["components"]["schemas"] |= _schema_of(Problem)[1]
        whole["components"]["securitySchemes"] = {
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": self._app.extensions["QUART_AUTH"][0].cookie_name,
                "description": "What signing in leaves in a browser.",
            },
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of the account's, with the ability that the call needs.",
            },
        }
        order = list(CALLS)
        whole["paths"] = dict(sorted(whole["paths"].items(), key=lambda item: _first(order, item[0])))
        return whole

    def generate_rules(self) -> Iterable[Rule]:
        """The routes of the table; pages and sockets are none of them."""
        for rule in super().generate_rules():
            if any(key_of(rule, method) in CALLS for method in self.generate_methods(rule)):
                yield rule

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """The library's objects of a route, each with what the table says of it."""
        paths, components = super().build_paths(rule)
        (operations,) = paths.values()
        path, told = path_of(rule), {}
        for method, plain in operations.items():
            call = CALLS[key_of(rule, method.upper())]
            told[method], used = _told(plain, call, rule, method.upper())
            told[method]["description"] = _words(self._app.view_functions[rule.endpoint])
            components |= used
        return {path: told}, components

    def build_path_parameter(self, name: str, converter: BaseConverter) -> dict[str, Any]:
        """A part of the path, with what can be one."""
        if isinstance(converter, IntegerConverter):
            schema: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
            return _parameter("event_id" if name == "room_id" else name, "path", schema, "", required=True)
        pattern, about = _PATH_TEXTS.get(name, ("^[^/]+$", ""))
        return _parameter(name, "path", {"type": "string", "pattern": pattern}, about, required=True)

    def build_querystring_parameters(self, model: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The library's, which does not say which of them must be there."""
        parameters, components = super().build_querystring_parameters(model)
        needed = model.model_json_schema().get("required", ())
        return [{**one, "required": one["name"] in needed} for one in parameters], components

    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str | None:
        """A name for programs: the title in one word."""
        call = CALLS.get(f"{method} {path.replace('{room_id}', '{event_id}')}")
        return re.sub(r"[^a-z0-9]+", "_", call.title.lower()).strip("_") if call else None


def _first(order: list[str], path: str) -> int:
    return min(number for number, key in enumerate(order) if key.split(" ")[1] == path)


def _words(view: Callable[..., Any]) -> str:
    return re.sub(r"\s*\n\s*", " ", inspect.getdoc(view) or "")


def _told(
    plain: Mapping[str, Any], call: Call, rule: Rule, method: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operation with everything the table knows, and the schemas it uses."""
    body = plain.get("requestBody")
    parameters = [
        *plain["parameters"],
        *(_parameter(n, "query", h.schema, h.about, example=h.example) for n, h in call.queries.items()),
        *(_parameter(n, "header", TAKEN[n].schema, TAKEN[n].about) for n in call.takes),
    ]
    responses, components = _answers(call)
    codes = refusals_of(call, rule, method, has_body=body is not None)
    told = {
        **plain,
        "summary": call.title,
        "tags": [call.tag],
        "parameters": parameters,
        "responses": {**responses, **_problems(codes)},
    }
    if call.who.signed_in:
        told["security"] = _ways(call, f"{method} {rule.rule}")
    if body is not None:
        (content,) = body["content"].values()
        told["requestBody"] = {"required": True, "content": {JSON: {**content, "example": call.example}}}
    if call.takes_anything:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": {}}}}
    return told, components


def _ways(call: Call, route: str) -> list[dict[str, list[str]]]:
    """How to say who one is: each entry is one way. An empty one says that the body may do."""
    ways: list[dict[str, list[str]]] = [{"session": []}]
    if NEEDS.get(route) is not PERSON:
        ways.append({"token": []})
    return ways if call.who.refuses_strangers else [*ways, {}]


def _parameter(
    name: str, where: str, schema: Mapping[str, Any], about: str, *, required: bool = False, example: str = ""
) -> dict[str, Any]:
    said = {"description": about} if about else {}
    shown = {"example": example} if example else {}
    return {"name": name, "in": where, "required": required, **said, "schema": dict(schema), **shown}


def _answers(call: Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a call answers when all goes well, by status."""
    responses: dict[str, Any] = {}
    components: dict[str, Any] = {}
    for status, model in call.answers.items():
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if model is not None:
            schema, used = _schema_of(model)
            components |= used
            response["content"] = {JSON: {"schema": schema, "example": _example_of(model)}}
        if call.file:
            response["content"] = {call.file: {"schema": {"type": "string"}}}
        response["headers"] = {name: _header(GIVEN[name]) for name in (*call.gives, *LIMITED)}
        responses[str(status)] = response
    return responses, components


def _header(header: Header) -> dict[str, Any]:
    return {"description": header.about, "schema": dict(header.schema), "example": header.example}


def _schema_of(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A reference to a model's schema, or to a list of it, and the schemas that it takes."""
    schema = TypeAdapter(model).json_schema(mode="serialization", ref_template=_REFERENCE)
    used: dict[str, Any] = schema.pop("$defs", {})
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {"$ref": _REFERENCE.format(model=model.__name__)}, {**used, model.__name__: schema}
    return schema, used


def _example_of(model: Any) -> Any:
    """The answer written out in the model; for a list of a model, a list of one."""
    (inner,) = getattr(model, "__args__", (model,))
    shown = inner.model_config["json_schema_extra"]["examples"][0]
    return shown if inner is model else [shown]


def _problems(codes: Iterable[str]) -> dict[str, Any]:
    """The problem documents of a call, by status: which codes, and one written out for each."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[status_of(code)].append(code)
    return {str(status): _problem(status, found) for status, found in by_status.items()}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    response: dict[str, Any] = {
        "headers": {name: _header(GIVEN[name]) for name in LIMITED},
        "description": " ".join(f"`{code}`: {MEANINGS[code]}" for code in codes),
        "content": {
            PROBLEM: {
                "schema": {"allOf": [{"$ref": _REFERENCE.format(model="Problem")}, narrowed]},
                "examples": {code: {"value": problem_example(code)} for code in codes},
            }
        },
    }
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        response["headers"]["Retry-After"] = _header(GIVEN["Retry-After"])
    return response


def problem_example(code: str) -> dict[str, Any]:
    """A problem document of that code."""
    status = status_of(code)
    return {
        "type": f"urn:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "code": code,
        "detail": MEANINGS[code],
    }
