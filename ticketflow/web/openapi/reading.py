"""The document as people read it: chapters of calls, each with its fields, answers and problems. Pure."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

JSON, PROBLEM = "application/json", "application/problem+json"
FILLED = {"Queue-Ticket": "TICKET", "Idempotency-Key": "A_NAME_OF_YOUR_OWN"}
"""The headers that stand in an example, and what is put in for them."""
WAYS = {"session": "a session", "token": "a token"}
DEEPEST = 4
"""How far fields in fields are told."""
_CODE = re.compile(r"`([^`]+)`")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body; `name` has dots where fields lie in one another."""

    name: str
    kind: str
    required: bool
    about: Markup
    where: str = "body"


@dataclass(frozen=True)
class Answer:
    """One status a call may answer with when all goes well, and a body written out."""

    status: str
    about: str
    body: str | None
    fields: list[Field]
    headers: list[Field]


@dataclass(frozen=True)
class Problem:
    """One code that a call may refuse with."""

    status: str
    code: str
    about: Markup


@dataclass(frozen=True)
class ReadCall:
    """One call."""

    anchor: str
    method: str
    path: str
    title: str
    about: Markup
    needs: str
    parameters: list[Field]
    fields: list[Field]
    body: str | None
    answers: list[Answer]
    problems: list[Problem]
    curl: str


@dataclass(frozen=True)
class Chapter:
    """Calls that belong together."""

    anchor: str
    name: str
    about: str
    calls: list[ReadCall]


def chapters_of(document: Json, base: str) -> list[Chapter]:
    """All of the document; `base` is the address that the examples are sent to."""
    calls: dict[str, list[ReadCall]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            read = _call(document, base, path, method.upper(), operation)
            calls.setdefault(operation["tags"][0], []).append(read)
    return [
        Chapter(_anchor(tag["name"]), tag["name"], tag["description"], calls[tag["name"]])
        for tag in document["tags"]
        if tag["name"] in calls
    ]


def _call(document: Json, base: str, path: str, method: str, operation: Json) -> ReadCall:
    content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    example = content.get("example")
    answers: list[Answer] = []
    problems: list[Problem] = []
    for status, response in operation["responses"].items():
        if PROBLEM in response.get("content", {}):
            problems += _problems(status, response["content"][PROBLEM])
        else:
            answers.append(_answer(document, status, response))
    return ReadCall(
        anchor=operation["operationId"],
        method=method,
        path=path,
        title=operation["summary"],
        about=words(operation.get("description", "")),
        needs=_needs(operation),
        parameters=[_parameter(document, parameter) for parameter in operation["parameters"]],
        fields=list(_fields(document, content.get("schema", {}))),
        body=_written(example) if example is not None else None,
        answers=answers,
        problems=problems,
        curl=_curl(base, path, method, operation, example),
    )


def _needs(operation: Json) -> str:
    ways = [name for way in operation.get("security", []) for name in way]
    return " or ".join(WAYS[way] for way in ways)


def _parameter(document: Json, parameter: Json) -> Field:
    kind = _kind(document, parameter["schema"])
    about = words(parameter.get("description", ""))
    return Field(parameter["name"], kind, parameter["required"], about, parameter["in"])


def _answer(document: Json, status: str, response: Json) -> Answer:
    content = response.get("content", {}).get(JSON)
    headers = [
        Field(name, _kind(document, header["schema"]), False, words(header["description"]), "header")
        for name, header in response.get("headers", {}).items()
    ]
    if content is None:
        return Answer(status, response["description"], None, [], headers)
    fields = list(_fields(document, content["schema"]))
    return Answer(status, response["description"], _written(content.get("example")), fields, headers)


def _problems(status: str, content: Json) -> Iterator[Problem]:
    for code, example in content["examples"].items():
        yield Problem(status, code, words(example["value"]["detail"]))


def _fields(document: Json, schema: Json, prefix: str = "", depth: int = 0) -> Iterator[Field]:
    """Every field of an object, and of the objects in it."""
    schema = _inner(document, schema)
    needed = schema.get("required", ())
    for name, told in schema.get("properties", {}).items():
        yield Field(prefix + name, _kind(document, told), name in needed, words(told.get("description", "")))
        inside = _inner(document, told)
        if depth < DEEPEST and "properties" in inside:
            many = "[]" if _is_list(document, told) else ""
            yield from _fields(document, inside, f"{prefix}{name}{many}.", depth + 1)


def _inner(document: Json, schema: Json) -> Json:
    """The object that a schema is, refers to, may be, or is a list of."""
    schema = _resolved(document, schema)
    if "items" in schema:
        return _inner(document, schema["items"])
    return schema


def _is_list(document: Json, schema: Json) -> bool:
    return "items" in _resolved(document, schema)


def _resolved(document: Json, schema: Json) -> Json:
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            schema = choice
            break
    if "$ref" in schema:
        found: Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _kind(document: Json, schema: Json) -> str:
    """What may stand there, in a few words."""
    plain = _resolved(document, schema)
    nullable = any(choice.get("type") == "null" for choice in schema.get("anyOf", ()))
    if "enum" in plain or "const" in plain:
        said = " | ".join(str(value) for value in plain.get("enum", [plain.get("const")]))
    elif "items" in plain:
        said = f"list of {_kind(document, plain['items'])}"
    elif "prefixItems" in plain:
        said = ", ".join(_kind(document, item) for item in plain["prefixItems"])
    else:
        names = {"string": "text", "integer": "whole number", "boolean": "true or false"}
        said = names.get(plain.get("type", ""), str(plain.get("type", "anything")))
        said = "time" if plain.get("format") == "date-time" else said + _bounds(plain)
    return f"{said} or null" if nullable else said


def _bounds(schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum", schema.get("exclusiveMaximum"))
    if schema.get("type") == "string":
        low, high = schema.get("minLength"), schema.get("maxLength")
    if high is not None and high > 10**15:
        high = None
    unit = " characters" if schema.get("type") == "string" and (low or high) else ""
    if low is not None and high is not None:
        return f", {low} to {high}{unit}"
    if high is not None:
        return f", up to {high}{unit}"
    return f", from {low}{unit}" if low is not None else ""


def _curl(base: str, path: str, method: str, operation: Json, example: Any) -> str:
    """The call as it can be typed."""
    filled = re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), path)
    parts = ["curl" if method == "GET" else f"curl -X {method}", shlex.quote(base + filled)]
    if operation.get("security"):
        by_token = any("token" in way for way in operation["security"])
        parts.append(f"-H '{'Authorization: Bearer TOKEN' if by_token else 'Cookie: session=SESSION'}'")
    names = [parameter["name"] for parameter in operation["parameters"]]
    parts += [f"-H '{name}: {value}'" for name, value in FILLED.items() if name in names]
    if example is not None:
        body = json.dumps(example, ensure_ascii=False)
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
    return " \\\n  ".join(parts)


def _written(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def words(text: str) -> Markup:
    """A text whose `marked` words are code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # nosec B704 - escaped before


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
