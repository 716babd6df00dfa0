"""What leaves the checkout is whole: the wheel, the locks, the example of settings."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from tests import servers
from ticketflow.settings import Settings

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
LOCKS = sorted((ROOT / "deploy").glob("*.lock"))


def described() -> dict[str, str]:
    """Each variable of .env.example, commented out or not, with the value it shows."""
    return dict(re.findall(r'^#?([A-Z][A-Z_]+)="?(.*?)"?$', EXAMPLE, re.MULTILINE))


def examples() -> set[str]:
    """The variables whose comment calls the value an example; the others show their default."""
    return set(re.findall(r"^# Example\..*\n(?:# .*\n)*#([A-Z_]+)=", EXAMPLE, re.MULTILINE))


def run(*command: str, cwd: Path, **extra: str) -> str:
    """The output of a command that must succeed, without this checkout on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | extra
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def in_checkout(folder: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_wheel_carries_every_file(wheel: Path):
    carried = set(ZipFile(wheel).namelist())
    code = in_checkout("ticketflow") | in_checkout("waiting_room")
    files = {
        f"ticketflow/_files/{name}"
        for top in ("templates", "static", "migrations")
        for name in in_checkout(top)
    }
    assert code | files <= carried
    for kind in (
        r"ticketflow/.*\.lua",
        r"waiting_room/.*\.lua",
        r"waiting_room/.*\.html",
        r".*_files/templates/.*\.html",
        r".*_files/static/.*\.css",
    ):
        assert any(re.fullmatch(kind, name) for name in carried), kind


def test_the_wheel_carries_nothing_else(wheel: Path):
    tops = {name.split("/")[0] for name in ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ticketflow", "waiting_room"}


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed. On PYTHONPATH it answers before the checkout does."""
    folder = tmp_path_factory.mktemp("site")
    install = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps")
    run(sys.executable, *install, "--target", str(folder), str(wheel), cwd=folder)
    return folder


def test_an_installed_wheel_finds_its_files(site: Path, tmp_path: Path):
    names = ("templates", "static", "migrations")
    ask = f"import ticketflow.files as files; print(files.__file__, *map(files.folder, {names}))"
    module, *folders = run(sys.executable, "-c", ask, cwd=tmp_path, PYTHONPATH=str(site)).split()
    assert Path(module) == site / "ticketflow/files.py"
    assert [Path(folder) for folder in folders] == [site / "ticketflow/_files" / name for name in names]
    assert all(any(Path(folder).iterdir()) for folder in folders)


async def test_an_installed_wheel_serves(site: Path, tmp_path: Path):
    port, log = servers.free_port(), tmp_path / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETFLOW_")}
    environment |= {"PYTHONPATH": str(site), "PORT": str(port), "TICKETFLOW_DATA_DIR": str(tmp_path / "data")}
    up = [sys.executable, "-c", "import sys; from ticketflow.cli import main; sys.argv[1:] = ['up']; main()"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as visitor:
        with servers.process(up, log, environment, tmp_path) as running:
            await servers.answering(visitor, "/healthz", running, log)
            assert (await visitor.get("/")).status_code == 200
            script = site / "ticketflow/_files/static/js/page.js"
            assert (await visitor.get("/static/js/page.js")).text == script.read_text(encoding="utf-8")
            assert "@layer" in (await visitor.get("/static/site.css")).text
            running.send_signal(signal.SIGINT)
            # Bounded so that a server deaf to Ctrl-C fails here; how quick it is, is not the question.
            await asyncio.to_thread(running.wait, 60)
        with pytest.raises(httpx.ConnectError):
            await visitor.get("/healthz")


def test_the_example_describes_every_setting_and_no_other():
    settings = {f"TICKETFLOW_{field.name.upper()}" for field in fields(Settings) if "read" in field.metadata}
    assert {name for name in described() if name.startswith("TICKETFLOW_")} == settings


def test_the_example_shows_the_defaults():
    shown = {name: value for name, value in described().items() if name not in examples()}
    shown.pop("MYSQL_PASSWORD")
    assert "TICKETFLOW_PORT" in shown
    assert Settings.read(shown) == Settings()


def test_the_examples_can_be_read():
    assert examples()
    given = {name: described()[name] for name in examples()}
    read = Settings.read(given)
    assert read.database_url == given["TICKETFLOW_DATABASE_URL"]


def test_the_example_holds_no_secret():
    assert described()["TICKETFLOW_SECRET_KEYS"] == ""
    assert described()["MYSQL_PASSWORD"] == ""


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_is_the_same_on_every_machine(lock: Path):
    text = lock.read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9.\-]+==.*", text, re.MULTILINE)
    assert pins
    assert len(re.findall(r"^[a-z0-9.\-]+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)
    assert (
        re.findall(
            r"--(?:extra-)?index-url|--find-links|--trusted-host|://|/(?:root|home|tmp|opt|work)/", text
        )
        == []
    )


def test_the_locks_agree():
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(
            r"^([a-z0-9.\-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE
        ):
            versions.setdefault(name, set()).add(version)
    assert len(LOCKS) == 4
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for lock, wanted in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-stripe.lock", project["dependencies"] + extras["stripe"]),
        ("requirements-dev.lock", project["dependencies"] + extras["test"] + extras["dev"]),
    ):
        locked = set(
            re.findall(
                r"^([a-z0-9.\-]+)==", (ROOT / "deploy" / lock).read_text(encoding="utf-8"), re.MULTILINE
            )
        )
        names = {re.split(r"[\[<>=~! ;]", dependency)[0].lower() for dependency in wanted}
        assert names - locked == set()
