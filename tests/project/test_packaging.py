"""What is handed out: the source archive, and the wheel made of it, outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Installed:
    """A virtual environment in which digest was installed from its wheel."""

    bin: Path
    packages: Path

    def run(self, *command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment in `folder`, with no setting of the user's around."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DIGEST_", "PYTHON"))
        }
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive as an installer does, with nothing fetched."""
    folder = tmp_path_factory.mktemp("built")
    _python("-m", "hatchling", "build", "-t", "sdist", "-d", str(folder), cwd=ROOT)
    [archive] = folder.glob("digest-*.tar.gz")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    _python("-m", "pip", "wheel", *options, str(archive), cwd=folder)
    [built] = folder.glob("digest-*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    """The names of the files in the wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own; the libraries are those of the tests' environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = Path(
        sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    )
    # The tests' own packages come after, and their .pth files are not read: so the libraries are
    # there, while the checkout that those files may name is not.
    libraries = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    _python(
        *("-m", "pip", "--python", str(folder / "bin" / "python"), "install"),
        *("--no-deps", "--no-index", "--ignore-installed", str(wheel)),
        cwd=folder,
    )
    return Installed(folder / "bin", packages)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A folder with nothing but the example feeds and their feeds.yaml."""
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    return tmp_path


def _python(*arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _under(folder: Path, within: str) -> set[str]:
    """The wheel's names for the files in the checkout's `folder`, byte code left out."""
    return {
        f"{within}/{file.relative_to(folder).as_posix()}"
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_wheel_holds_the_package_and_the_themes_entire(contents: set[str]) -> None:
    expected = _under(ROOT / "digest", "digest") | _under(ROOT / "templates", "digest/templates")
    assert expected - contents == set()
    assert {
        "digest/py.typed",
        "digest/templates/classic/digest.html.j2",
        "digest/store/migrations/versions/0001_first.py",
        "digest/preview/static/htmx.min.js",
        "digest/words/desk.toml",
    } <= contents


def test_the_wheel_holds_nothing_else(contents: set[str]) -> None:
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"digest"}
    assert not [name for name in contents if "test" in Path(name).name or "__pycache__" in name]
    assert [name for name in contents if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_wheel_asks_for_the_libraries_of_the_project(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(wanted) == len(project["dependencies"])
    assert metadata["License-Expression"] == "Apache-2.0"


def test_every_library_of_the_project_is_pinned_once() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins)
    names = [_normal(name) for name, _ in pins]
    assert len(names) == len(set(names))
    assert ["torch", "2.13.0"] in pins
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["bench"]]
    libraries = {_normal(line) for line in wanted} - {"digest"}
    assert libraries - set(names) == set()


def _normal(requirement: str) -> str:
    """The project's name in a requirement, as registries compare it (PEP 503)."""
    name = requirement
    for mark in "[<>=!~; ":
        name = name.split(mark)[0]
    return name.lower().replace("_", "-").replace(".", "-")


def test_the_wheel_brings_its_own_code_and_themes(installed: Installed, tmp_path: Path) -> None:
    asked = installed.run(
        *("python", "-c"),
        "import digest; from digest.editions.render import packaged_themes as themes; "
        "print(digest.__file__, themes(), sep='\\n')",
        folder=tmp_path,
    )
    package = installed.packages / "digest"
    assert asked.stdout.splitlines() == [
        str(package / "__init__.py"),
        str(package / "templates"),
    ], asked.stderr


def test_init_in_an_empty_folder_writes_a_configuration_without_faults(
    installed: Installed, tmp_path: Path
) -> None:
    begun = installed.run("digest", "init", folder=tmp_path)
    assert begun.returncode == 0, begun.stderr
    listed = installed.run("digest", "feeds", "list", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.strip()


@pytest.mark.model
def test_run_outside_the_checkout_builds_an_edition_once(installed: Installed, demo: Path) -> None:
    run = ("digest", "run", "--now", "2026-03-02T07:00+00:00")
    built = installed.run(*run, folder=demo)
    # One of the feeds is broken on purpose.
    assert built.returncode == 1, built.stderr
    page = Path("outbox/demo/2026-03-02/index.html")
    assert str(page) in built.stdout
    html = (demo / page).read_bytes()
    assert b"The Morning Digest" in html
    again = installed.run(*run, folder=demo)
    assert again.returncode == 0, again.stderr
    assert str(page) in again.stdout
    assert " 0 new articles, 0 updated, 0 summarised" in again.stdout
    assert (demo / page).read_bytes() == html
