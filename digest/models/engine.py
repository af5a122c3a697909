"""One loaded model and how it is asked: prompts as token ids, and what it writes to them.

The model's own `generation_config` is read for its token ids only; nothing is ever sampled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.models.loading import Loaded, quiet
from digest.models.presets import Decoding

if TYPE_CHECKING:
    from transformers import GenerationConfig

# Asked in the user's turn: some models' templates have no turn of a system. The article first: a
# small model heeds best what it read last.
INSTRUCTION = (
    "{text}\n\nSummarize the news article above in two sentences, in the words of the article. "
    "Use only facts from it."
)

# What goes in at once unless a preset says otherwise: about five pages. Wider windows cost memory
# that grows with them, and small models lose the thread well before.
_WIDEST = 4096
# For models that set no bound, such as T5 (relative positions; it was trained on 512).
_UNBOUNDED = 512
# A model whose window leaves less than this beside the prompt still gets that much.
_NARROWEST = 16

_MOST_BEAMS = 8
_PREFIXED = {"t5", "mt5", "umt5", "longt5", "switch_transformers"}


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote to one prompt; `finished` when it ended by itself."""

    text: str
    finished: bool


class Engine:
    """Asks a loaded model for summaries of texts that fit its window.

    `window` is how many tokens of text fit beside the prompt, `longest` the tokens a summary may
    have; `rows` how many sequences a prompt takes in memory (its beams).
    """

    def __init__(self, loaded: Loaded, decoding: Decoding) -> None:
        self._model, self._tokenizer = loaded.model, loaded.tokenizer
        self._device, self._writes_on = loaded.device, loaded.writes_on
        self._special = _special_tokens(self._tokenizer)
        self._config = _decoding_config(loaded, decoding)
        self._prefix = _prefix(loaded, decoding)
        self.longest = decoding.longest
        self.device_type = loaded.device.type
        self.rows = int(self._config.num_beams)
        self._most = _readable(loaded) - (self.longest if self._writes_on else 0)
        room = self._most - len(self._asked(""))
        self.window = max(min(room, decoding.window or _WIDEST), _NARROWEST)

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without what the prompt adds."""
        if not texts:
            return []
        ids = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [len(row) for row in ids]

    def plain(self, text: str) -> str:
        """`text` without what the tokenizer would take for a mark of its own: an article must not
        end its own turn and begin another."""
        return self._special.sub(" ", text) if self._special else text

    def prompt(self, text: str) -> list[int]:
        """The token ids that ask for a summary of `text`; its end is left out if it doesn't fit."""
        ids = self._asked(text)
        # Joined, the pieces of a part can have a few tokens more than they had apart.
        while len(ids) > self._most and text:
            text = text[: len(text) * 9 // 10]
            ids = self._asked(text)
        return ids

    def _asked(self, text: str) -> list[int]:
        if not self._writes_on:
            ids = self._tokenizer(self._prefix + text, verbose=False)["input_ids"]
        else:
            asked = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": INSTRUCTION.format(text=text)}],
                add_generation_prompt=True,
                tokenize=False,
                # Reasoning models are asked not to think aloud; other templates ignore it.
                enable_thinking=False,
            )
            ids = self._tokenizer(asked, add_special_tokens=False, verbose=False)["input_ids"]
        return [int(token) for token in ids]

    def write(self, prompts: Sequence[Sequence[int]]) -> list[Written]:
        """What the model writes to each prompt, in order. Raises what torch raises.

        Prompts of unequal length are padded (causal: on the left) and masked: the company of
        others changes a sequence's scores by rounding only.
        """
        import torch

        longest = max(map(len, prompts))
        fill = self._config.pad_token_id
        ids, mask = [], []
        for prompt in prompts:
            padding = [fill] * (longest - len(prompt))
            shown, hidden = [1] * len(prompt), [0] * len(padding)
            ids.append([*padding, *prompt] if self._writes_on else [*prompt, *padding])
            mask.append([*hidden, *shown] if self._writes_on else [*shown, *hidden])
        asked = torch.tensor(ids, device=self._device)
        shown_at = torch.tensor(mask, device=self._device)
        with torch.inference_mode(), quiet():
            output = self._model.generate(
                input_ids=asked,
                attention_mask=shown_at,
                generation_config=self._config,
            )
        start = longest if self._writes_on else 1
        return [self._written(row) for row in output[:, start:].tolist()]

    def _written(self, row: list[int]) -> Written:
        ends = self._config.eos_token_id
        stops = {ends} if isinstance(ends, int) else set(ends or ())
        finished = any(token in stops for token in row)
        text = self._tokenizer.decode(
            row, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Written(text, finished)


def _decoding_config(loaded: Loaded, decoding: Decoding) -> GenerationConfig:
    """Greedy or beam search, with the model's token ids and, for what `decoding` leaves open, the
    beams that it was published with. Takes the place of the model's own configuration."""
    from transformers import GenerationConfig

    own, tokenizer = loaded.model.generation_config, loaded.tokenizer
    published = _published(loaded)
    ends = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
    if loaded.writes_on and tokenizer.eos_token_id is not None:
        # The end of a turn, which not every configuration counts among the ends.
        ends = sorted({tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])})
    fill = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else own.pad_token_id
    if fill is None:
        fill = ends[0] if isinstance(ends, list) else ends
    beams = decoding.beams or min(int(published.get("num_beams") or 1), _MOST_BEAMS)
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        num_beams=beams,
        max_new_tokens=decoding.longest,
        min_new_tokens=decoding.shortest or None,
        bos_token_id=own.bos_token_id,
        eos_token_id=ends,
        pad_token_id=fill or 0,
        decoder_start_token_id=own.decoder_start_token_id,
        forced_bos_token_id=own.forced_bos_token_id,
        # No forced end: where the model was cut off must show.
        suppress_tokens=own.suppress_tokens,
        bad_words_ids=own.bad_words_ids,
    )
    if beams > 1:
        config.early_stopping = True
        config.length_penalty = float(
            decoding.length_penalty or published.get("length_penalty") or 1.0
        )
    if not loaded.writes_on:
        # Of a causal model these would count the article too, and forbid its wording.
        config.no_repeat_ngram_size = int(
            decoding.no_repeat_ngram or published.get("no_repeat_ngram_size") or 3
        )
    loaded.model.generation_config = config
    return config


def _published(loaded: Loaded) -> dict[str, Any]:
    """What a model's configuration says of summaries, or of generation at large."""
    tasks = getattr(loaded.model.config, "task_specific_params", None) or {}
    return {
        **loaded.model.generation_config.to_dict(),
        **{
            name: value
            for name, value in dict(tasks.get("summarization") or {}).items()
            if value is not None
        },
    }


def _prefix(loaded: Loaded, decoding: Decoding) -> str:
    if decoding.prefix is not None:
        return decoding.prefix
    given = _published(loaded).get("prefix")
    if isinstance(given, str):
        return given
    return "summarize: " if loaded.model.config.model_type in _PREFIXED else ""


def _readable(loaded: Loaded) -> int:
    """The most tokens the model reads: what its positions and its tokenizer allow."""
    config = loaded.model.config
    bounds = [
        getattr(config, name, None)
        for name in ("max_encoder_position_embeddings", "max_position_embeddings", "n_positions")
    ]
    # A tokenizer without a bound says 10^30.
    bounds.append(min(int(loaded.tokenizer.model_max_length), 10**9))
    known = [bound for bound in bounds if isinstance(bound, int) and 0 < bound < 10**9]
    return min(known) if known else _UNBOUNDED


def _special_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    marks = {*tokenizer.all_special_tokens, *(str(token) for token in added if token.special)}
    # A mark of one or two characters is ordinary writing.
    marks = {mark for mark in marks if len(mark) > 2}
    if not marks:
        return None
    return re.compile("|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True)))
