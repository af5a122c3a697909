"""From a model's files to a loaded model and tokenizer, on the device that is best.

Only local files are read, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.errors import ModelError
from digest.models.hub import ModelFiles

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")
# Their activations leave the range of float16.
_WIDE = {"t5", "mt5", "umt5", "longt5", "switch_transformers", "pegasus", "pegasus_x"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to write. `writes_on` is true for a causal model, which continues its prompt;
    an encoder-decoder reads the text and writes apart from it."""

    model: Any
    tokenizer: Any
    device: torch.device
    writes_on: bool


def load(files: ModelFiles, device: str | None = None, dtype: str | None = None) -> Loaded:
    """Loads the model of `files`. Raises ModelError when it can't, or can't write summaries.

    `device` is `cpu`, `cuda`, `cuda:1`, `mps` …; None takes the best there is. `dtype` is one of
    DTYPES; None takes float32 on a processor and half precision on an accelerator.
    """
    files.verify()
    _check_needs(files)
    place = choose_device(device)
    with quiet(files.gguf != ""):
        try:
            return _load(files, place, dtype)
        except ModelError:
            raise
        except Exception as error:  # whatever a damaged or odd folder makes the libraries raise
            if is_out_of_memory(error):
                raise ModelError(
                    f"{files.name} doesn't fit into the memory of {place}; take a smaller model, "
                    "or bfloat16 as its dtype"
                ) from error
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(
                f"{files.folder / files.gguf} can't be loaded: {reason}; {files.advice}"
            ) from error


def _load(files: ModelFiles, device: torch.device, dtype: str | None) -> Loaded:
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
    )

    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if files.gguf:
        options["gguf_file"] = files.gguf
    folder = str(files.folder)
    config = AutoConfig.from_pretrained(folder, **options)
    seq2seq = bool(getattr(config, "is_encoder_decoder", False))
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    if not seq2seq and not tokenizer.chat_template:
        raise ModelError(
            f"{files.name} is not fit for summaries: it has no chat template, so it was not "
            "trained to do what it is asked; take the instruct version of it"
        )
    kind: Any = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
    model, report = kind.from_pretrained(
        folder,
        config=config,
        dtype=choose_dtype(dtype, device, config.model_type),
        output_loading_info=True,
        **options,
    )
    missing = sorted(report["missing_keys"])
    if missing:
        # The library would fill them with random numbers.
        raise ModelError(
            f"{files.name}: its weights lack {len(missing)} parts of the model "
            f"({', '.join(missing[:3])} …); {files.advice}"
        )
    model.to(device)
    model.eval()
    return Loaded(model, tokenizer, device, not seq2seq)


def _check_needs(files: ModelFiles) -> None:
    """Raises ModelError for a format whose library is not installed."""
    needs = ("gguf", "accelerate") if files.gguf else ()
    if not files.gguf and not (files.folder / "tokenizer.json").is_file():
        needs = ("sentencepiece", "google.protobuf") if _has_sentencepiece(files) else ()
    lacking = [name for name in needs if not _installed(name)]
    if lacking:
        names = " ".join("protobuf" if name == "google.protobuf" else name for name in lacking)
        raise ModelError(f"{files.name} needs a library more; run: pip install {names}")


def _has_sentencepiece(files: ModelFiles) -> bool:
    return any(files.folder.glob("*.model")) or any(files.folder.glob("*.spm"))


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def choose_device(wanted: str | None) -> torch.device:
    """The device called `wanted`, else CUDA, else Apple's, else the processor.

    Raises ModelError for one that isn't there.
    """
    import torch

    if wanted is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device).cpu()
    except Exception as error:  # a wrong name, a build without it, no such card, no driver
        reason = " ".join(str(error).split())[:160]
        raise ModelError(
            f"device {wanted!r} can't be used here ({reason}); leave it out to take what there is"
        ) from error
    return device


def choose_dtype(wanted: str | None, device: torch.device, model_type: str) -> torch.dtype:
    """The number format: float32 on a processor; on an accelerator bfloat16 where it has that,
    else float16, unless the model needs a wider range. Raises ModelError for an unknown one."""
    import torch

    if wanted is not None:
        if wanted not in DTYPES:
            raise ModelError(f"dtype {wanted!r} is not known; take one of {', '.join(DTYPES)}")
        return getattr(torch, wanted)  # type: ignore[no-any-return]
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32 if model_type in _WIDE else torch.float16


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # The processor's allocator and Apple's, and CUDA's libraries, raise a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(
        sign in str(error)
        for sign in (
            "out of memory",
            "can't allocate memory",
            "not enough memory",
            "ALLOC_FAILED",
        )
    )


def free_memory() -> None:
    """Gives back what the allocators of accelerators keep for later."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


@contextmanager
def quiet(silence_stderr: bool = False) -> Iterator[None]:
    """Neither progress bars nor remarks of transformers while this lasts; then as before.

    `silence_stderr` is for the GGUF reader, whose progress bar has no switch.
    """
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with ExitStack() as stack:
        if silence_stderr:
            stack.enter_context(redirect_stderr(io.StringIO()))
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]
