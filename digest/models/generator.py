"""Summaries written by a model: encoder-decoder or instruct, from the hub, a folder or GGUF.

Nothing heavy is imported before there is something to write, so that a run which finds every
summary in the store never loads torch. Whether what was written is true is for others to say.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from digest.errors import ModelError
from digest.models.batching import batches
from digest.models.hub import ModelFiles, display_name, locate
from digest.models.parts import split_parts
from digest.models.writing import tidy, without_controls

if TYPE_CHECKING:
    from digest.models.engine import Engine

logger = logging.getLogger(__name__)

# Raise it when the same model would write otherwise: kept summaries are keyed by it.
VERSION = 1

# What is no longer than a summary is its own: a model that must write two sentences about one
# invents the second. 200 characters are 35 words of English.
_SHORT = 200
# A book of 200,000 words costs as much as eight articles and a ninth.
_PARTS = 8
_SENTENCES = 3
# Padded tokens in a batch, prompt and summary, times beams. Twice as many made SmolLM2 15 % faster
# on a processor, for twice the memory (0.4 GB of keys and values as it is); an accelerator needs
# more to be kept busy.
_BUDGET = {"cpu": 8192}
_BUDGET_ACCELERATOR = 65536
_ROWS = 32


class TextGenerator:
    """Writes summaries with the model called `model`; satisfies `digest.protocols.Generator`.

    `model` is whatever `digest.models.hub.locate` understands. `device` and `dtype` are torch's
    names (`cuda`, `bfloat16`), None the best there is. `batch_tokens` bounds a batch (prompts and
    summaries, padded, times beams), `rows` its texts, `most_parts` the parts of a long text,
    `sentences` those of a summary.

    Bounds: a text is read in at most `most_parts` parts of the model's window each, evenly spaced
    from its beginning to its end, and what they gave is summarised once more; so time and memory
    for a text stop growing beyond that. Memory running out halves the batch; a text that doesn't
    fit alone gets an empty summary and a line in the log.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_tokens: int | None = None,
        rows: int = _ROWS,
        most_parts: int = _PARTS,
        sentences: int = _SENTENCES,
    ) -> None:
        self._id = model
        self._device, self._dtype = device, dtype
        self._batch_tokens, self._rows = batch_tokens, rows
        self._most_parts, self._sentences = most_parts, sentences

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it is, not with its weights: each process loads them once."""
        options = (self._device, self._dtype, self._batch_tokens, self._rows)
        return _here, (self._id, *options, self._most_parts, self._sentences)

    @cached_property
    def files(self) -> ModelFiles:
        """Where the model lies. Raises ModelError when it is missing or broken."""
        return locate(self._id)

    @property
    def name(self) -> str:
        """Short name that readers and reports see, e.g. `distilbart`."""
        return display_name(self._id)

    @property
    def key(self) -> str:
        """Names method, model, revision and parameters. Raises ModelError when it is missing.

        The device is not part of it, and the dtype only when it was asked for: which ones are
        taken by default is known only once torch is loaded. So a store that moves from a processor
        to an accelerator keeps its summaries, though the other might have put a word differently.
        """
        return (
            f"{self.name}@{self.files.identity}/generator-{VERSION}"
            f"/{self.files.decoding.key}/{self._most_parts}-{self._sentences}"
            f"/{self._dtype or 'auto'}"
        )

    def summarize(self, texts: Sequence[str], titles: Sequence[str]) -> list[str]:
        """One summary a text, in order, as one line; empty where the model wrote nothing.

        Titles are not shown to the model: a headline is often sharper than the article bears out,
        and a summary should stand on the article. A text of at most 200 characters is its own
        summary. Deterministic: the same texts in the same order give the same summaries; other
        company (padding) moves scores by rounding, which changes a word in rare ties only.
        Raises ModelError when the model is missing, altered or unfit.
        """
        if len(texts) != len(titles):
            raise ValueError(f"{len(texts)} texts, but {len(titles)} titles")
        found = [" ".join(without_controls(text).split()) for text in texts]
        long = [index for index, text in enumerate(found) if len(text) > _SHORT]
        if long:
            written = self._summaries([without_controls(texts[index]) for index in long])
            for index, summary in zip(long, written, strict=True):
                found[index] = summary
        return found

    def _summaries(self, texts: list[str]) -> list[str]:
        engine = self._engine
        # The summaries of the parts must fit the window together.
        most = max(1, min(self._most_parts, engine.window // (engine.longest + 1)))
        parts = [
            split_parts(engine.plain(text), engine.count, engine.window, most) for text in texts
        ]
        firsts = iter(self._write([part for each in parts for part in each]))
        drafts = [[next(firsts) for _ in each] for each in parts]
        found = [" ".join(filter(None, draft)) for draft in drafts]
        again = [index for index, draft in enumerate(drafts) if sum(map(bool, draft)) > 1]
        for index, summary in zip(again, self._write([found[i] for i in again]), strict=True):
            # A model that has nothing to say to the drafts: the first of them tells most.
            found[index] = summary or next(filter(None, drafts[index]))
        return found

    def _write(self, texts: list[str]) -> list[str]:
        """A summary of each text, all of which fit the window."""
        engine = self._engine
        prompts = [engine.prompt(text) for text in texts]
        lengths = [(len(prompt) + engine.longest) * engine.rows for prompt in prompts]
        found = [""] * len(texts)
        # Longest last, so taken first: what doesn't fit into memory shows at once.
        waiting = batches(lengths, tokens=self._budget, padding=self._budget)
        largest = self._rows
        while waiting:
            batch = waiting.pop()
            if len(batch) > largest:
                waiting += [batch[largest:], batch[:largest]]
                continue
            written = self._try([prompts[index] for index in batch])
            if written is not None:
                for index, text in zip(batch, written, strict=True):
                    found[index] = text
            elif len(batch) > 1:
                largest = len(batch) // 2
                waiting.append(batch)
                logger.info(
                    "%s: out of memory with %d texts, going on with %d",
                    self.name,
                    len(batch),
                    largest,
                )
            else:
                logger.warning(
                    "%s: a text of %d tokens doesn't fit into memory and gets no summary",
                    self.name,
                    len(prompts[batch[0]]),
                )
        return found

    def _try(self, prompts: list[list[int]]) -> list[str] | None:
        """What the model writes, tidied; None when memory ran out."""
        from digest.models.loading import free_memory, is_out_of_memory

        try:
            written = self._engine.write(prompts)
        except Exception as error:  # whatever an odd model makes the libraries raise
            if not is_out_of_memory(error):
                reason = " ".join(str(error).split())[:300] or type(error).__name__
                raise ModelError(
                    f"{self.name} can't write summaries: {reason}; take another model"
                ) from error
        else:
            return [tidy(each.text, each.finished, self._sentences) for each in written]
        # Only here, where the error's frames with their tensors are gone.
        free_memory()
        return None

    @property
    def _budget(self) -> int:
        if self._batch_tokens is not None:
            return self._batch_tokens
        return _BUDGET.get(self._engine.device_type, _BUDGET_ACCELERATOR)

    @cached_property
    def _engine(self) -> Engine:
        from digest.models.engine import Engine
        from digest.models.loading import load

        return Engine(load(self.files, self._device, self._dtype), self.files.decoding)


@cache
def _here(
    model: str,
    device: str | None,
    dtype: str | None,
    batch_tokens: int | None,
    rows: int,
    most_parts: int,
    sentences: int,
) -> TextGenerator:
    """This process's generator of these options, for whatever arrives from another process."""
    return TextGenerator(
        model,
        device=device,
        dtype=dtype,
        batch_tokens=batch_tokens,
        rows=rows,
        most_parts=most_parts,
        sentences=sentences,
    )
