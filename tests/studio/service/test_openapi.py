"""The OpenAPI schema against a real client: what is sent and what comes back is as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from service_fixtures import browser_of, picture, scene

from studio.project.projects import Projects
from studio.scene.json_schema import scene_schema
from studio.service import films as service
from studio.service.client import Client, ServiceRefusal
from studio.service.films import FilmService


class Contract:
    """Compares every request and answer of a client with the schema."""

    def __init__(self, openapi: dict[str, Any]) -> None:
        self.openapi, self.seen = openapi, set()

    def check(self, schema: dict[str, Any], data: Any) -> None:
        Draft202012Validator({**schema, "components": self.openapi["components"]}).validate(data)

    def operation(self, request: httpx2.Request) -> dict[str, Any]:
        for path, operations in self.openapi["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path):
                return operations[request.method.lower()]
        raise AssertionError(f"{request.url.path} is not in the schema")

    def answered(self, answer: httpx2.Response) -> None:
        answer.read()
        operation, kind = self.operation(answer.request), answer.headers["content-type"].split(";")[0]
        sent = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if sent and answer.status_code < 400:
            self.check(sent["schema"], json.loads(answer.request.content))
        described = operation["responses"][str(answer.status_code)]["content"]
        if kind == "application/json":
            self.check(described[kind]["schema"], answer.json())
        else:
            assert kind in described, (kind, list(described))
        self.seen.add((operation["operationId"], answer.status_code))


@pytest.fixture
def contract(projects: Projects, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Contract, Client]]:
    monkeypatch.setattr(service, "ensure_worker", lambda root: None)
    http = browser_of(FilmService(projects))
    contract = Contract(http.get("/openapi.json").json())
    http.event_hooks["response"].append(contract.answered)
    yield contract, Client(http=http)


def test_all_that_the_client_sends_and_gets_is_as_the_schema_says(contract: tuple[Contract, Client]) -> None:
    seen, client = contract
    client.voices(), client.styles()
    assert client.check(scene(), {"one.png": picture()})["ok"]
    assert client.check(scene(picture="none.png"))["problems"] and client.check("no scene")["problems"]
    job = client.render(scene(), {"one.png": picture()}, project="Tea", height=96, film="webm")
    client.render(scene(picture="media/one.png"), project="Tea")
    client.render("picture: media/one.png\ncast: []\nscript: []", project="Tea")
    client.job(job["id"]), client.cancel(job["id"]), list(client.events(job["id"]))
    client._call("GET", f"/jobs/{job['id']}/results")
    for refused, status in (
        (lambda: client.job("none"), 404), (lambda: client.render(scene(), film="gif"), 422),
        (lambda: client.render(scene()), 422), (lambda: client.say("Hello", "Nobody"), 422),
        (lambda: client.check({"scene": {}, "picture": "../x"}, folder=".."), 422),
    ):  # fmt: skip
        with pytest.raises(ServiceRefusal) as refusal:
            refused()
        assert refusal.value.status == status and str(refusal.value)
    assert len(seen.seen) >= 13, sorted(seen.seen)


def test_the_scene_in_it_is_the_scene_of_the_command(contract: tuple[Contract, Client]) -> None:
    schemas, known = contract[0].openapi["components"]["schemas"], scene_schema()
    assert schemas["Scene"]["properties"].keys() == known["properties"].keys() and set(known["$defs"]) < set(schemas)
    for name in ("FilmRequest", "SceneRequest"):
        assert schemas[name]["properties"]["scene"]["anyOf"][0] == {"$ref": "#/components/schemas/Scene"}
