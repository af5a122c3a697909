"""The trial of the Dockerfile's steps: what it reads, and what it does with a small root.

The whole of it, a Debian and all libraries, takes minutes and is run by hand.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from dockerfile import TrialError, parse, reaches_the_builder, substituted  # noqa: E402
from image_roots import Stage, context_of, copy  # noqa: E402
from try_dockerfile import Image, Trial, started, trials  # noqa: E402

# --- what is written -----------------------------------------------------------------------------


def test_lines_that_go_on_are_one_step_and_comments_are_none() -> None:
    steps = parse(
        '# syntax=x\nfrom base\n\nRUN one \\\n  # between\n    && two\\\n  three\nCMD ["a"]\n'
    )
    assert [(step.keyword, step.arguments, step.line) for step in steps] == [
        ("FROM", "base", 2),
        ("RUN", "one && twothree", 4),
        ("CMD", '["a"]', 8),
    ]


def test_a_last_line_that_goes_on_is_told() -> None:
    with pytest.raises(TrialError, match="line 2"):
        parse("FROM base\nRUN one \\\n")


@pytest.mark.parametrize(
    ("patterns", "path", "reaches"),
    [
        ([], "a/b", True),
        (["a"], "a/b", False),
        (["*"], "a/b", False),
        (["*.py"], "a/b.py", True),
        (["**/*.py"], "a/b.py", False),
        (["**/*.py"], "b.py", False),
        (["a/?.py"], "a/b.py", False),
        (["*", "!a"], "a/b/c", True),
        (["*", "!a", "**/b"], "a/b/c", False),
        (["*", "!a", "a/b", "!a/b/c"], "a/b/c", True),
        (["a.b"], "axb", True),
    ],
)
def test_the_last_pattern_that_matches_decides(
    patterns: list[str], path: str, reaches: bool
) -> None:
    assert reaches_the_builder(patterns, path) is reaches


def test_names_are_filled_in_as_docker_does() -> None:
    known = {"PATH": "/bin", "EMPTY": ""}
    written = "/venv/bin:$PATH ${PATH}x ${EMPTY:-that} ${MISSING:-this} [$MISSING]"
    assert substituted(written, known) == "/venv/bin:/bin /binx that this []"


# --- what is done --------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1234:1235::/home/ann:\n")
    (root / "etc" / "group").write_text("root:x:0:\npeople:x:1236:\n")
    return Stage("last", root)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "code" / "deep").mkdir(parents=True)
    (folder / "code" / "deep" / "a.txt").write_text("a")
    (folder / "one.txt").write_text("1")
    (folder / "two.txt").write_text("2")
    return folder


def test_only_what_dockerignore_lets_through_is_sent(context: Path, tmp_path: Path) -> None:
    (context / ".dockerignore").write_text("*\n!code\n# a comment\n!one.txt\n")
    sent = context_of(context, tmp_path / "sent")
    files = sorted(str(path.relative_to(sent)) for path in sent.rglob("*") if path.is_file())
    assert files == ["code/deep/a.txt", "one.txt"]


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ("code code", ["code/deep/a.txt"]),
        ("code /else/where", ["else/where/deep/a.txt"]),
        ("one.txt two.txt ./", ["one.txt", "two.txt"]),
        ("*.txt into/", ["into/one.txt", "into/two.txt"]),
        ("one.txt /srv/other.txt", ["srv/other.txt"]),
        ("one.txt /etc", ["etc/one.txt"]),
    ],
)
def test_copying_goes_where_docker_would_put_it(
    stage: Stage, context: Path, arguments: str, files: list[str]
) -> None:
    _must_be_root()
    known = {path for path in stage.root.rglob("*") if path.is_file()}
    copy(stage, arguments, context, {})
    found = {path for path in stage.root.rglob("*") if path.is_file()} - known
    assert sorted(str(path.relative_to(stage.root)) for path in found) == files


def test_what_is_copied_belongs_to_whom_the_step_names(stage: Stage, context: Path) -> None:
    _must_be_root()
    copy(stage, "--chown=ann:people code /srv/code", context, {})
    copy(stage, "--chown=ann one.txt /srv/code/", context, {})
    copy(stage, "two.txt /srv/", context, {})
    owners = {
        str(path.relative_to(stage.root / "srv")): (path.stat().st_uid, path.stat().st_gid)
        for path in (stage.root / "srv").rglob("*")
        if path.is_file()
    }
    assert owners == {
        "code/deep/a.txt": (1234, 1236),
        "code/one.txt": (1234, 1235),
        "two.txt": (0, 0),
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("missing.txt /", "missing.txt is not there"),
        ("--chown=nobody one.txt /", "no user 'nobody'"),
        ("--link one.txt /", "--link isn't known"),
    ],
)
def test_a_copy_that_can_not_be_made_is_told(
    stage: Stage, context: Path, arguments: str, told: str
) -> None:
    with pytest.raises(TrialError, match=told):
        copy(stage, arguments, context, {})


def test_a_step_that_is_not_known_is_told_rather_than_left_out(
    stage: Stage, context: Path, tmp_path: Path
) -> None:
    trial = Trial(tmp_path, context, {})
    for text in ("ONBUILD RUN x", 'SHELL ["x"]', "ADD a b"):
        with pytest.raises(TrialError, match=f"{text.split()[0]} isn't known"):
            trial.take(stage, parse(text)[0])
    with pytest.raises(TrialError, match="no FROM"):
        trial.take(None, parse("RUN x")[0])


def test_settings_gather_from_step_to_step(stage: Stage, context: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, context, {"GIVEN": "by hand"})
    text = """
        ARG GIVEN=default
        ARG LEFT=default
        ENV A=$LEFT B="$GIVEN"
        ENV PATH=/venv/bin:$PATH
        WORKDIR /srv
        WORKDIR deep
        USER 1234
        VOLUME ["/srv/state"]
        HEALTHCHECK --interval=3s CMD ["check", "$A"]
        CMD ["a", "$B"]
        ENTRYPOINT sh line
    """
    for step in parse(text):
        stage = trial.take(stage, step)
    assert stage.environment["A"] == "default"
    assert stage.environment["B"] == "by hand"
    assert stage.environment["PATH"].startswith("/venv/bin:/usr/local/bin")
    assert stage.folder == "/srv/deep"
    assert (stage.root / "srv" / "deep").is_dir()
    assert stage.user == "1234"
    assert stage.volumes == ("/srv/state",)
    # Nobody fills in what a program or its shell reads by itself.
    assert stage.health == ("check", "$A")
    assert stage.command == ("a", "$B")
    assert stage.entrypoint == ("/bin/sh", "-c", "sh line")


# --- in a root of its own ------------------------------------------------------------------------

_PROGRAMS = ("sh", "env", "cat", "id", "touch", "sleep", "seq")


@pytest.fixture
def furnished(stage: Stage) -> Stage:
    """A root with a shell and a few programs of this machine, and the libraries they need."""
    _must_be_root()
    for folder in ("bin", "proc", "dev", "tmp", "root", "srv/state"):
        (stage.root / folder).mkdir(parents=True, exist_ok=True)
    (stage.root / "tmp").chmod(0o1777)
    for program in _PROGRAMS:
        path = shutil.which(program)
        assert path is not None
        shutil.copy(path, stage.root / "bin" / program)
        listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"/\S+", listed):
            place = stage.root / library.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, place)
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], check=False)
    if tried.returncode != 0:
        pytest.skip("needs the right to make namespaces")
    return stage


def test_a_step_runs_in_the_root_with_what_came_before_it(
    furnished: Stage, context: Path, tmp_path: Path
) -> None:
    trial, stage = Trial(tmp_path, context, {}), furnished
    text = """
        ENV A="a b"
        WORKDIR /srv
        RUN echo "$A" >>told && echo $HOME >>told
        USER ann:people
        RUN id -u >&2; id -g >/tmp/told; test ! -w /srv/told
    """
    for step in parse(text):
        stage = trial.take(stage, step)
    assert (stage.root / "srv" / "told").read_text() == "a b\n/root\n"
    assert (stage.root / "tmp" / "told").read_text() == "1236\n"


def test_a_step_that_fails_says_what_it_printed(
    furnished: Stage, context: Path, tmp_path: Path
) -> None:
    trial = Trial(tmp_path, context, {})
    with pytest.raises(TrialError, match=r"exit status 3:\nthe last words"):
        trial.take(furnished, parse("RUN echo the last words; exit 3")[0])


def test_nothing_is_left_mounted(furnished: Stage, context: Path, tmp_path: Path) -> None:
    Trial(tmp_path, context, {}).take(furnished, parse("RUN cat /proc/self/mounts")[0])
    assert str(furnished.root) not in Path("/proc/self/mountinfo").read_text()


@pytest.fixture
def image(furnished: Stage, tmp_path: Path) -> Image:
    os.chown(furnished.root / "srv" / "state", 1234, 1236)
    (tmp_path / "examples").mkdir()
    stage = Stage(
        "last", furnished.root, user="ann:people", volumes=("/srv/state",), folder="/srv/state"
    )
    return Image(stage, tmp_path / "volumes", tmp_path / "examples")


def test_an_image_can_write_to_its_volumes_and_nowhere_else(image: Image) -> None:
    image.run(["sh", "-c", "touch kept /tmp/a && test ! -e /tmp/b"], (0,))
    image.run(["sh", "-c", "test -e kept && test ! -e /tmp/a"], (0,))
    told = image.run(["touch", "/examples/a"], (1,)) + image.run(["touch", "/a"], (1,))
    assert told.count("Read-only file system") == 2
    assert not (image.stage.root / "srv" / "state" / "kept").exists()


def test_a_setting_given_at_the_start_goes_before_the_images_own(image: Image) -> None:
    said = image.run(["sh", "-c", "echo $PATH $DIGEST_X"], (0,), DIGEST_X="y", PATH="/bin")
    assert said == "/bin y\n"


def test_an_image_has_no_network_but_its_own_loopback(image: Image) -> None:
    said = image.run(["cat", "/proc/net/dev"], (0,))
    assert re.findall(r"^\s*(\w+):", said, re.MULTILINE) == ["lo"]


def test_a_program_is_waited_for_until_its_check_passes(image: Image) -> None:
    program = ["sh", "-c", "sleep 0.3; touch /tmp/up; sleep 60"]
    said = image.run(["sh", "-c", started(program, ["cat", "/tmp/up"])], (0,))
    assert re.fullmatch(r"healthy after [12] s: sh -c\n", said)


def test_a_program_that_ends_before_its_check_passes_is_told(image: Image) -> None:
    with pytest.raises(TrialError, match="sh: not healthy"):
        image.run(["sh", "-c", started(["sh", "-c", "exit 4"], ["cat", "/tmp/up"])], (0,))


def test_the_trials_take_their_commands_from_compose(image: Image) -> None:
    from ruamel.yaml import YAML

    compose = YAML(typ="safe").load(ROOT / "compose.yaml")
    titles = [title for title, _ in trials(image, compose)]
    assert "the scheduler and a worker of compose.yaml" in titles
    for name in ("scheduler", "worker"):
        assert {"entrypoint", "command", "healthcheck"} <= compose["services"][name].keys()


def _must_be_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root; continuous integration has it")
