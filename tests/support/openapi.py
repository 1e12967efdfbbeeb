"""Checks responses of the API against its OpenAPI description.

All test clients call ``check_answer``. A test fails if a response is not described: an unknown status, media type or
header, or JSON with unknown, missing or wrong members.
"""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from jsonschema_rs import Draft202012Validator, ValidationError

BASE = "/api/v1/importexport/"
#: How a path is answered that is not described, or a method that its path does not have.
UNKNOWN = {400, 401, 403, 404, 405, 429, 503}
#: Headers of ours; the rest is HTTP's.
OURS = re.compile(
    r"x-ratelimit-|x-import-|idempotent-|location$|link$|retry-after$|www-authenticate$|content-disposition$",
    re.IGNORECASE,
)


@cache
def description() -> dict[str, Any]:
    """The OpenAPI description."""
    served = json.loads(Client().get("/api/v1/schema").content)
    return served | {"components": served["components"] | {"schemas": closed(served["components"]["schemas"])}}


def closed(schema: Any) -> Any:
    """Return a schema that forbids undescribed members, which clients have to accept but tests do not."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def check_answer(method: str, target: str, *, status: int, headers: Any, body: bytes) -> None:
    """Assert that a response matches the description. Ignores paths that are not described."""
    path = urlsplit(target).path.rstrip("/")
    if path.startswith("/api/importexport/") or path == "/api/me":
        path = path.replace("/api/", "/api/v1/", 1)
    if path.startswith(BASE) or path == "/api/v1/me":
        where = f"{method} {target} → {status}"
        answer = described_answer(method, path, status, where)
        check_headers(answer, headers, where)
        if method != "HEAD":
            check_body(answer, headers.get("Content-Type"), body, where)


def described_answer(method: str, path: str, status: int, where: str) -> dict[str, Any]:
    """Return the description of a response."""
    operation = operation_of("GET" if method == "HEAD" else method, path)
    if operation is None:
        assert status in UNKNOWN, f"{where}: not described"
        return resolved({"$ref": f"#/components/responses/Problem{status}"})
    assert str(status) in operation["responses"], f"{where}: a status that is not described"
    return resolved(operation["responses"][str(status)])


@cache
def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation of a request, or None."""
    for template, item in sorted(description()["paths"].items(), key=lambda entry: entry[0].count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return item.get(method.lower())
    return None


def resolved(described: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; what stands beside it is added."""
    if "$ref" not in described:
        return described
    target: Any = description()
    for name in described["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return target | {name: value for name, value in described.items() if name != "$ref"}


def check_headers(answer: dict[str, Any], headers: Any, where: str) -> None:
    known = {name.lower() for name in answer["headers"]}
    unknown = {name for name in headers if OURS.match(name) and name.lower() not in known}
    assert not unknown, f"{where}: headers that are not described: {unknown}"


def check_body(answer: dict[str, Any], media_type: str | None, body: bytes, where: str) -> None:
    if "content" not in answer:
        assert (media_type, body) == (None, b""), f"{where}: no content is described"
        return
    assert media_type in answer["content"], f"{where}: {media_type} is not described"
    if media_type.endswith("json"):
        try:
            validator(json.dumps(answer["content"][media_type]["schema"])).validate(without_surrogates(body))
        except ValidationError as error:
            raise AssertionError(f"{where}: {error.message} at {error.instance_path}") from None


def without_surrogates(body: bytes) -> Any:
    """Return the JSON of a body, with a question mark for each lone surrogate, which the validator does not take."""
    found = json.loads(body)
    if b"\\ud" not in body:
        return found
    return json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))


@cache
def validator(schema: str) -> Draft202012Validator:
    """Return the validator of a schema. It is compiled: some answers have a million errors."""
    whole = closed(json.loads(schema)) | {"components": description()["components"]}
    return Draft202012Validator(whole, validate_formats=True)


class CheckedClient(Client):
    """Django's test client, which also checks every response of the API."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        is_json = response.headers.get("Content-Type", "").endswith("json")
        body = response.getvalue() if is_json or not response.streaming else b""
        if is_json and response.streaming:
            response.streaming_content = [body]
        method, path = response.request["REQUEST_METHOD"], response.request["PATH_INFO"]
        check_answer(method, path, status=response.status_code, headers=response.headers, body=body)
        return response
