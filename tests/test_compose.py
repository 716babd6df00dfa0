"""docker-compose.yml, the Dockerfile and nginx.conf name things of ours: each exists."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from ticketflow.cli import main
from ticketflow.settings import Settings

ROOT = Path(__file__).parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
NGINX = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "ticketflow"]


def known_settings() -> set[str]:
    return {f"TICKETFLOW_{field.name.upper()}" for field in fields(Settings) if "read" in field.metadata}


def commands() -> list[list[str]]:
    """Each command that starts with `ticketflow`, from the services and from the image."""
    given = [service["command"] for service in SERVICES.values() if "command" in service]
    given += [json.loads(line) for line in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    return [command for command in given if command[0] == "ticketflow"]


def test_the_set_is_whole():
    assert set(SERVICES) == {"proxy", "web", "worker", "migrate", "mysql", "valkey", "mailpit"}
    assert set(OURS) == {"web", "worker", "migrate"}
    assert sorted(command[1] for command in commands()) == ["migrate", "serve", "serve", "worker"]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_exist(command: list[str]):
    assert command[1] in main.commands


@pytest.mark.parametrize("text", [COMPOSE, DOCKERFILE, NGINX], ids=["compose", "Dockerfile", "nginx"])
def test_settings_named_are_known(text: str):
    named = set(re.findall(r"\bTICKETFLOW_[A-Z_]+", text))
    assert named
    assert named <= known_settings()


@pytest.mark.parametrize("name", OURS)
def test_settings_given_can_be_read(name: str):
    # As Compose substitutes them when .env holds the three values without a default.
    filled = {
        "MYSQL_PASSWORD": "secret",
        "TICKETFLOW_SECRET_KEYS": "k" * 32,
        "TICKETFLOW_TICKET_KEYS": "a" * 64,
    }

    def fill(match: re.Match[str]) -> str:
        variable, default = match.group(1), match.group(2)
        return filled.get(variable, default or "")

    given = {
        key: re.sub(r"\$\{([A-Z_]+)(?::[-?]([^}]*))?\}", fill, str(value))
        for key, value in SERVICES[name]["environment"].items()
    }
    settings = Settings.read(given).require(
        "database_url", "redis_url", "smtp_url", "secret_keys", "ticket_keys", "public_url"
    )
    assert settings.database_url == "mysql+aiomysql://ticketflow:secret@mysql:3306/ticketflow"
    assert settings.port == 8000


@pytest.mark.parametrize("secret", ["TICKETFLOW_SECRET_KEYS", "TICKETFLOW_TICKET_KEYS", "MYSQL_PASSWORD"])
def test_secrets_have_no_default(secret: str):
    uses = re.findall(rf"\$\{{{secret}(.*?)\}}", COMPOSE)
    assert uses
    assert all(use.startswith(":?") for use in uses)


def test_addresses_name_services():
    hosts = re.findall(r"(?:redis|smtp)://([a-z]+)[:/]|@([a-z]+):", COMPOSE)
    assert {one or other for one, other in hosts} == {"valkey", "mailpit", "mysql"}


def test_the_proxy_passes_to_a_service_on_its_port():
    upstreams = re.findall(r"upstream (\w+) \{.*?server (\w+):(\d+)", NGINX, re.DOTALL)
    assert upstreams == [("web", "web", str(SERVICES["web"]["environment"]["TICKETFLOW_PORT"]))]
    assert {name for name, *_ in upstreams} == set(re.findall(r"proxy_pass http://(\w+);", NGINX))
    assert all(host in SERVICES for _, host, _ in upstreams)


def test_nobody_waits_for_a_check_that_is_not_there():
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            check = SERVICES[needed].get("healthcheck")
            # Our image brings its own check, and a service may switch it off.
            has_check = not check.get("disable") if check else needed in OURS
            assert how["condition"] == "service_completed_successfully" or has_check, needed


def test_nothing_serves_before_the_schema_is_there():
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_volumes_are_declared():
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount for mount in mounts if not mount.startswith(".")}
    assert named == set(yaml.safe_load(COMPOSE)["volumes"])
    assert all((ROOT / mount).is_file() for mount in mounts if mount.startswith("."))


def test_the_image_copies_what_is_there():
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
