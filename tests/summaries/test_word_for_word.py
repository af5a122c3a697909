"""Every sentence that may be printed stands in its source word for word, on real texts."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import html5lib
import pytest

from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.summarizing import text_document
from digest.summaries.extractive import Extractive
from digest.text.clean import file_text, plain_text
from digest.text.page import decoded
from digest.text.sentences import make_document

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")

UNSEEN = {"script", "style", "noscript", "template", "head"}
# One of the pages has a card inside a sentence that its style sheet shows on hovering only.
HOVERING = "rollover-people-block"
XHTML = "{http://www.w3.org/1999/xhtml}"


def squeezed(text: str) -> str:
    """The text without white space, and without what no reader sees."""
    return re.sub(r"[\s\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]+", "", text)


@pytest.mark.parametrize("name", ["cnndm_dev", "gumsum_dev"])
def test_each_sentence_of_a_text_stands_in_it(name: str) -> None:
    rows = (DATA / "summaries" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    seen = 0
    for row in map(json.loads, rows):
        source = squeezed(row["source"])
        for sentence in make_document(row["id"], "", plain_text(row["source"])).sentences:
            assert squeezed(sentence) in source, (row["id"], sentence)
            seen += 1
    assert seen > 10 * len(rows)


@pytest.mark.slow
@pytest.mark.model
def test_each_summary_of_a_web_page_stands_in_what_a_browser_shows() -> None:
    rows = (DATA / "articles" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    pages = {row["id"]: row["html"] for row in map(json.loads, rows)}
    assert len(pages) == 38
    encoder = RememberingEncoder(Encoder())
    for id, file in pages.items():
        markup = decoded(gzip.decompress((DATA / "articles" / file).read_bytes()))
        document = text_document(id, *file_text(markup))
        (summary,) = Extractive().summarize([document], encoder.documents([document]))
        assert summary.sentences, id
        shown = squeezed("".join(visible(markup)))
        for sentence in summary.sentences:
            assert sentence.text in document.sentences
            assert squeezed(sentence.text) in shown, (id, sentence.text)


def visible(markup: str) -> Iterator[str]:
    """The text of a page, by another parser than the one that read the article."""

    def walk(element: object) -> Iterator[str]:
        tag = element.tag  # type: ignore[attr-defined]
        if not isinstance(tag, str) or tag.removeprefix(XHTML) in UNSEEN:
            return
        if HOVERING in element.get("class", ""):  # type: ignore[attr-defined]
            return
        yield element.text or ""  # type: ignore[attr-defined]
        for child in element:  # type: ignore[attr-defined]
            yield from walk(child)
            yield child.tail or ""

    yield from walk(html5lib.parse(markup, treebuilder="etree"))
