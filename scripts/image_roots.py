"""Roots in which the steps of a Dockerfile are carried out: made, filled, and entered by chroot."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dockerfile import TrialError, patterns_of, reaches_the_builder

_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the machine's own installs listen to; never the image's business.
_LENT_VARIABLES = re.compile(r"PIP_\w+|(http|https|no|ftp|all)_proxy|SSL_CERT_\w+", re.I)
_LENT_FILES = (
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/usr/local/share/ca-certificates",
    "/etc/pip.conf",
    "/etc/xdg/pip",
    str(Path.home() / ".config" / "pip"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage has become: its root, and how programs are started in it."""

    name: str
    root: Path
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    arguments: Mapping[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    @property
    def values(self) -> Mapping[str, str]:
        """What `$NAME` stands for: ENV goes before ARG."""
        return {**self.arguments, **self.environment}


def run_in(
    stage: Stage,
    words: Sequence[str],
    binds: Mapping[str, str],
    *,
    lent: Mapping[str, str] | None = None,
    writable: Sequence[str] = (),
    is_cut_off: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a stage's root, with mounts and processes that end with it.

    `binds` are shown in the root, path by path of this machine; `lent` are further variables. Where
    it `is_cut_off`, there is no network but loopback, and nothing can be written but `/tmp` and
    the paths of `binds` that `writable` lists.
    """
    root = stage.root
    script = [
        "set -e",
        f"mount --bind {_quoted(root)} {_quoted(root)}",
        f"mount -t proc proc {_quoted(root / 'proc')}",
        f"mount --rbind /dev {_quoted(root / 'dev')}",
    ]
    for inside, outside in binds.items():
        place = root / inside.lstrip("/")
        if Path(outside).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        script.append(f"mount --bind {_quoted(outside)} {_quoted(place)}")
        if inside not in writable:
            script.append(f"mount -o remount,bind,ro {_quoted(place)}")
    if is_cut_off:
        script += [
            f"mount -t tmpfs tmpfs {_quoted(root / 'tmp')}",
            f"mount -o remount,bind,ro {_quoted(root)}",
            f"{_quoted(sys.executable)} -c {shlex.quote(_LOOPBACK_UP)}",
        ]
    user = _numbered(root, stage.user)
    # An argument that is left empty leaves the machine's own in force.
    named = {"HOME": _home(root, user), **stage.values, **_filled(lent, stage.values)}
    variables = [f"{name}={value}" for name, value in named.items()]
    inside_words = ["env", "--ignore-environment", f"--chdir={stage.folder}", *variables, *words]
    script.append(
        f"exec chroot --userspec={user} --groups= {_quoted(root)} {shlex.join(inside_words)}"
    )
    spaces = ["--mount", "--pid", "--fork", "--kill-child", *(["--net"] if is_cut_off else [])]
    return subprocess.run(
        ["unshare", *spaces, "/bin/sh", "-c", "\n".join(script)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": _PATH},
        text=True,
        errors="replace",
        timeout=_LONGEST_SECONDS,
        check=False,
    )


def _filled(lent: Mapping[str, str] | None, values: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in (lent or {}).items() if not values.get(name)}


# The longest step installs torch, in minutes; an hour later it hangs.
_LONGEST_SECONDS = 3600
# A new network namespace has a loopback that is down: SIOCSIFFLAGS with IFF_UP.
_LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))"
)


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))


def _numbered(root: Path, user: str) -> str:
    """`USER:GROUP` by numbers, as the root's own files have them."""
    name, _, group = user.partition(":")
    people = {row[0]: row for row in _rows(root / "etc" / "passwd")}
    groups = {row[0]: row[2] for row in _rows(root / "etc" / "group")}
    known = people.get(name) or next((row for row in people.values() if row[2] == name), None)
    if known is None and not name.isdigit():
        raise TrialError(f"there is no user {name!r} in the image")
    number = known[2] if known else name
    return f"{number}:{groups.get(group, group) or (known[3] if known else '0')}"


def _home(root: Path, user: str) -> str:
    number = user.partition(":")[0]
    return next((row[5] for row in _rows(root / "etc" / "passwd") if row[2] == number), "/")


def _rows(path: Path) -> list[list[str]]:
    return [line.split(":") for line in path.read_text().splitlines()] if path.exists() else []


def copy(stage: Stage, arguments: str, context: Path, others: Mapping[str, Stage]) -> None:
    """COPY: files and what is in folders, from the builder's folder or from another stage."""
    words = shlex.split(arguments)
    parted = (word[2:].partition("=") for word in words if word.startswith("--"))
    flags = {name: value for name, _, value in parted}
    *sources, target = (word for word in words if not word.startswith("--"))
    if unknown := flags.keys() - {"from", "chown"}:
        raise TrialError(f"COPY --{min(unknown)} isn't known here")
    origin = others[flags["from"]].root if "from" in flags else context
    place = stage.root / str(PurePosixPath(stage.folder) / target).lstrip("/")
    found = [path for source in sources for path in sorted(origin.glob(source.strip("/")))]
    if len(found) < len(sources):
        raise TrialError(
            f"COPY: {' or '.join(sources)} is not there, or .dockerignore holds it back"
        )
    owner = _numbered(stage.root, flags["chown"]) if "chown" in flags else "0:0"
    for path in found:
        into = place
        if not path.is_dir() and (target.endswith("/") or place.is_dir()):
            into = place / path.name
        was_there = into.is_dir()
        into.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, into, follow_symlinks=False)
        # A folder that was there before keeps its owner.
        for copied in [*([] if was_there else [into]), *_within(path, into)]:
            os.chown(copied, *map(int, owner.split(":")), follow_symlinks=False)


def _within(source: Path, target: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from (target / path.relative_to(source) for path in source.rglob("*"))


def context_of(repository: Path, folder: Path) -> Path:
    """A copy of what the builder is sent."""
    patterns = patterns_of((repository / ".dockerignore").read_text(encoding="utf-8"))
    listed = [pattern[1:].split("/")[0] for pattern in patterns if pattern.startswith("!")]
    for top in sorted(repository.iterdir()):
        # Folders without anything that could be let through aren't even read.
        if not reaches_the_builder(patterns, top.name) and top.name not in listed:
            continue
        for path in [top, *(top.rglob("*") if top.is_dir() else ())]:
            name = path.relative_to(repository)
            if path.is_file() and reaches_the_builder(patterns, name.as_posix()):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, folder / name)
    return folder


def lent() -> tuple[dict[str, str], dict[str, str]]:
    """This machine's variables and files that installs need, to be lent to a RUN."""
    variables = {name: value for name, value in os.environ.items() if _LENT_VARIABLES.match(name)}
    paths = [path for path in _LENT_FILES if Path(path).exists()]
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    # Folders of wheels, a list of constraints, an index of files: named in that configuration.
    for word in re.findall(r"(?:file://)?(/[^\s'\"]+)", listed.stdout):
        # The pages of an index lead to what lies beside it.
        path = Path(word).parent if Path(word).name == "simple" else Path(word)
        paths += [str(path)] if path.exists() else []
    return variables, {path: path for path in dict.fromkeys(paths)}


def base_root(image: str, root: Path) -> Path:
    """A clean Debian with Python, in place of the official image of Python; made if it isn't there.

    Raises TrialError.
    """
    named = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-(\w+)", image)
    if named is None:
        raise TrialError(f"{image}: only python:X.Y.Z-slim-SUITE has something to stand in for it")
    if shutil.which("debootstrap") is None:
        raise TrialError("debootstrap isn't here: apt-get install debootstrap")
    version, suite = named.groups()
    if root.exists():
        return root
    sites = subprocess.run(
        [
            *("apt-get", "indextargets", "--format", "$(SITE)"),
            *("Created-By: Packages", f"Codename: {suite}", "Component: main"),
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    part = root.with_name(f".{root.name}")
    shutil.rmtree(part, ignore_errors=True)
    packages = "--include=python3,python3-venv,ca-certificates"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", packages, suite, str(part), *sites[:1]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    must_be(made, (0,))
    if not (part / "usr" / "bin" / f"python{version}").exists():
        raise TrialError(f"Debian {suite} has no python{version} to stand in for {image}")
    for name in ("python", "python3"):
        (part / "usr" / "local" / "bin" / name).symlink_to(f"/usr/bin/python{version}")
    return part.rename(root)


def must_be(done: subprocess.CompletedProcess[str], statuses: Sequence[int]) -> str:
    if done.returncode not in statuses:
        said = "\n".join(done.stdout.splitlines()[-40:])
        raise TrialError(f"exit status {done.returncode}:\n{said}")
    return done.stdout
