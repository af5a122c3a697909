"""Models come from a hub on loopback, by the library that real ones come by."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from digest.errors import ModelError
from digest.models import hub
from digest.models.download import _in_words, wanted_files
from digest.models.generator import TextGenerator
from digest.models.hub import Reference

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER = "89abcdef0123456789abcdef0123456789abcdef"
LARGE = (".safetensors", ".bin", ".gguf", ".h5")

PROGRAM = """
import json, sys
from digest.errors import ModelError
from digest.models.download import pull
told = []
try:
    found = pull(sys.argv[1], lambda *told_: told.append(told_))
except ModelError as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({"folder": str(found.folder), "revision": found.revision,
                      "name": found.name, "stages": sorted({stage for stage, _, _ in told})}))
"""


@dataclass
class Hub:
    """What the server has, and what it was asked for."""

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    # How many times a file comes damaged before it comes whole.
    damaged: dict[str, int] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def add(self, repo: str, files: dict[str, bytes]) -> None:
        self.files[repo] = files
        self.commits[repo] = {"main": COMMIT, COMMIT: COMMIT, "v1": LATER, LATER: LATER}


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(body=True)

        def do_HEAD(self) -> None:
            self._serve(body=False)

        def log_message(self, *_: Any) -> None:
            """Silence."""

        def _serve(self, body: bool) -> None:
            parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
            api = parts[:2] == ["api", "models"]
            repo = "/".join(parts[2:4] if api else parts[:2])
            rest = parts[4:] if api else parts[2:]
            if repo in hub.refusals:
                status, code = hub.refusals[repo]
                self._answer(status, b"{}", {"X-Error-Code": code} if code else {}, body)
            elif repo not in hub.files:
                self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            elif api:
                commit = hub.commits[repo].get(rest[1] if len(rest) > 1 else "main")
                if commit is None:
                    self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
                    return
                names = [{"rfilename": name} for name in hub.files[repo]]
                content = json.dumps({"id": repo, "sha": commit, "siblings": names}).encode()
                self._answer(200, content, {"Content-Type": "application/json"}, body)
            else:
                self._file(repo, hub.commits[repo].get(rest[1], ""), "/".join(rest[2:]), body)

        def _file(self, repo: str, commit: str, name: str, body: bool) -> None:
            content = hub.files[repo][name]
            large = name.endswith(LARGE)
            kind = hashlib.sha256 if large else hashlib.sha1
            headers = {"X-Repo-Commit": commit, "ETag": f'"{kind(content).hexdigest()}"'}
            if large:
                headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(len(content))}
            if body:
                hub.sent.append(name)
                if hub.damaged.get(name, 0):
                    hub.damaged[name] -= 1
                    content = content[:-4] + b"\x55\x55\x55\x55"
            self._answer(200, content, headers, body)

        def _answer(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

    return Handler


@pytest.fixture
def fake() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pull(fake: Hub, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Pulls in a process of its own, since the library reads its variables once."""

    def run(model: str, **variables: str) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if name[:3] != "HF_"}
        environment |= {
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_ENDPOINT": fake.address,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, model],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def bart(tiny: Callable[..., Path], fake: Hub) -> dict[str, bytes]:
    """A tiny BART on the hub, beside what a real repository has besides."""
    files = content(tiny("bart"))
    fake.add(
        "acme/tiny",
        {
            **files,
            "README.md": b"# Tiny",
            ".gitattributes": b"",
            "pytorch_model.bin": b"pickle",
            "tf_model.h5": b"tensorflow",
            "flax_model.msgpack": b"flax",
            "onnx/model.onnx": b"onnx",
            "onnx/config.json": b"{}",
        },
    )
    return files


# --- pulling ----------------------------------------------------------------------------------


@pytest.mark.model
def test_a_pulled_model_writes_without_the_hub(
    pull: Callable[..., dict[str, Any]], fake: Hub, bart: dict[str, bytes]
) -> None:
    with pytest.raises(ModelError, match="acme/tiny is not on this disk; run: digest models pull"):
        hub.locate("acme/tiny")
    found = pull("acme/tiny")
    assert found["revision"] == COMMIT
    assert "model.safetensors (MB)" in found["stages"]
    # Nothing in another framework's format, no second copy of the weights, no reading matter.
    assert sorted(fake.sent) == sorted(bart)
    fake.refusals["acme/tiny"] = (500, "")
    generator = TextGenerator("acme/tiny")
    assert str(generator.files.folder) == found["folder"]
    assert f"acme/tiny@{COMMIT[:12]}/" in generator.key
    assert generator.summarize(["The ferry reached the island before dawn. " * 8], [""])[0]
    (info,) = [info for info in hub.on_disk() if info.name == "acme/tiny"]
    assert (info.use, info.revision, info.problem) == ("summaries", COMMIT, "")
    assert info.sha256 == hashlib.sha256(bart["model.safetensors"]).hexdigest()
    assert info.size == sum(map(len, bart.values()))


def test_what_is_there_is_not_downloaded_again(
    pull: Callable[..., dict[str, Any]], fake: Hub, bart: dict[str, bytes]
) -> None:
    first = pull("acme/tiny")
    assert sorted(fake.sent) == sorted(bart)
    fake.sent.clear()
    assert pull("acme/tiny")["folder"] == first["folder"]
    assert fake.sent == []


@pytest.mark.usefixtures("bart")
def test_a_revision_is_a_branch_a_tag_or_a_commit(pull: Callable[..., dict[str, Any]]) -> None:
    assert pull("acme/tiny@v1")["revision"] == LATER
    assert hub.locate("acme/tiny@v1").revision == LATER
    assert hub.locate(f"acme/tiny@{LATER}").revision == LATER
    with pytest.raises(ModelError, match=r"acme/tiny is not on this disk"):
        hub.locate("acme/tiny")


def test_of_several_gguf_files_one_is_named(pull: Callable[..., dict[str, Any]], fake: Hub) -> None:
    fake.add("acme/quants", {"a.Q4.gguf": b"GGUF" + b"a" * 9, "a.Q8.gguf": b"GGUF" + b"b" * 9})
    assert pull("acme/quants")["error"] == (
        "acme/quants: it has several GGUF files; write one behind the name: /a.Q4.gguf, /a.Q8.gguf"
    )
    assert pull("acme/quants/a.Q8.gguf")["name"] == "acme/quants/a.Q8.gguf"
    assert fake.sent == ["a.Q8.gguf"]
    assert hub.locate("acme/quants/a.Q8.gguf").gguf == "a.Q8.gguf"
    assert "there is no a.Q2.gguf in it" in pull("acme/quants/a.Q2.gguf")["error"]


def test_a_sentence_encoder_comes_with_its_parts(
    pull: Callable[..., dict[str, Any]], fake: Hub, bart: dict[str, bytes]
) -> None:
    modules = [{"path": "", "type": "Transformer"}, {"path": "1_Pooling", "type": "Pooling"}]
    wanted = {
        **bart,
        "modules.json": json.dumps(modules).encode(),
        "1_Pooling/config.json": b'{"pooling": "mean"}',
    }
    fake.add("acme/encoder", {**wanted, "onnx/model.onnx": b"x", "openvino/model.bin": b"x"})
    found = pull("acme/encoder")
    assert sorted(fake.sent) == sorted(wanted)
    assert (Path(found["folder"]) / "1_Pooling" / "config.json").is_file()
    assert hub.locate("acme/encoder", use="encoder").revision == COMMIT


def test_the_wheel_of_smollm2_is_not_pulled_but_installed(
    pull: Callable[..., dict[str, Any]], smollm2: str, fake: Hub
) -> None:
    assert pull(smollm2)["name"] == "smollm2"
    assert fake.sent == []


# --- damage -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("bart")
def test_a_file_that_came_damaged_is_downloaded_once_more(
    pull: Callable[..., dict[str, Any]], fake: Hub
) -> None:
    fake.damaged["model.safetensors"] = 1
    assert pull("acme/tiny")["revision"] == COMMIT
    assert fake.sent.count("model.safetensors") == 2


@pytest.mark.usefixtures("bart")
def test_a_file_that_always_comes_damaged_is_named(
    pull: Callable[..., dict[str, Any]], fake: Hub
) -> None:
    fake.damaged["model.safetensors"] = 9
    problem = pull("acme/tiny")["error"]
    assert "model.safetensors: is damaged, its SHA-256 is not" in problem
    assert "run: digest models pull acme/tiny" in problem


@pytest.mark.usefixtures("bart")
def test_damage_on_disk_is_found_before_loading_and_mended_by_pulling(
    pull: Callable[..., dict[str, Any]],
) -> None:
    weights = Path(pull("acme/tiny")["folder"]) / "model.safetensors"
    whole = weights.read_bytes()
    weights.resolve().write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match=r"is damaged, its SHA-256 is not .* pull acme/tiny"):
        TextGenerator("acme/tiny").summarize(["The ferry reached the island. " * 9], [""])
    pull("acme/tiny")
    assert weights.read_bytes() == whole


# --- a hub that does not give it ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((404, "RepoNotFound"), "has no model acme/tiny, or it is private: check the name"),
        ((401, ""), "has no model acme/tiny, or it is private: check the name"),
        ((403, "GatedRepo"), "acme/tiny is gated: accept its terms at http://127"),
        ((401, "GatedRepo"), "acme/tiny is gated: accept its terms at http://127"),
        ((503, ""), "answered 503 for acme/tiny; try again later"),
    ],
)
@pytest.mark.usefixtures("bart")
def test_a_refusal_is_told_in_plain_words(
    pull: Callable[..., dict[str, Any]], fake: Hub, refusal: tuple[int, str], message: str
) -> None:
    fake.refusals["acme/tiny"] = refusal
    assert message in pull("acme/tiny")["error"]
    assert fake.sent == []


@pytest.mark.usefixtures("bart")
def test_an_unknown_revision_is_named(pull: Callable[..., dict[str, Any]]) -> None:
    assert "acme/tiny has no revision 'v9'" in pull("acme/tiny@v9")["error"]


@pytest.mark.usefixtures("bart")
def test_offline_is_told_as_what_was_set(pull: Callable[..., dict[str, Any]]) -> None:
    problem = pull("acme/tiny", HF_HUB_OFFLINE="1")["error"]
    assert problem == (
        "acme/tiny can't be downloaded: HF_HUB_OFFLINE is set; unset it and pull again"
    )


@pytest.mark.usefixtures("bart")
def test_a_hub_that_cannot_be_reached_is_told_though_the_model_is_there(
    pull: Callable[..., dict[str, Any]],
) -> None:
    pull("acme/tiny")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        problem = pull("acme/tiny", HF_ENDPOINT=nowhere)["error"]
    assert problem.startswith(f"{nowhere} can't be reached (")
    assert "set HF_ENDPOINT to a mirror; then run: digest models pull acme/tiny" in problem
    assert hub.locate("acme/tiny").revision == COMMIT


def test_a_repository_without_fit_weights_is_told(
    pull: Callable[..., dict[str, Any]], fake: Hub
) -> None:
    fake.add("acme/flax", {"config.json": b"{}", "flax_model.msgpack": b"x"})
    assert pull("acme/flax")["error"].startswith("acme/flax: it has no weights that can be used")
    assert fake.sent == []


def test_a_name_that_names_no_model_is_told(pull: Callable[..., dict[str, Any]]) -> None:
    assert "'distilbrt' names no model: did you mean distilbart?" in pull("distilbrt")["error"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "is full: make room, or set HF_HOME to a folder elsewhere"),
        (errno.EDQUOT, "is full: make room, or set HF_HOME to a folder elsewhere"),
        (errno.EACCES, "/cache/blob: Permission denied"),
    ],
)
def test_a_disk_that_takes_no_more_is_told(number: int, message: str) -> None:
    error = OSError(number, os.strerror(number), "/cache/blob")
    assert message in str(_in_words(error, Reference("acme/tiny"), "acme/tiny"))


# --- which files are wanted ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (
            ["config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json"],
            ["config.json", "model.safetensors", "tokenizer.json"],
        ),
        (
            ["config.json", "pytorch_model.bin", "rust_model.ot", "spiece.model", "tf_model.h5"],
            ["config.json", "pytorch_model.bin", "spiece.model"],
        ),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
             "model.safetensors.index.json", "pytorch_model.bin.index.json", "config.json",
             "pytorch_model-00001-of-00001.bin"],
            ["config.json", "model-00001-of-00002.safetensors",
             "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
        ),
        (["config.json", "model.safetensors", "m.gguf"], ["config.json", "model.safetensors"]),
        (["README.md", "m.gguf", "config.json"], ["m.gguf"]),
        (["model.safetensors", "half/model.safetensors", "half/x.json"], ["model.safetensors"]),
    ],
)  # fmt: skip
def test_one_set_of_weights_is_wanted(names: list[str], wanted: list[str]) -> None:
    assert wanted_files(names) == wanted
