"""`digest summarize` on what is hardly a text: it ends, says what it can, and invents nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

TABLE = "| town | people |\n|---|---|\n" + "\n".join(
    f"| Town {n} | {n * 1000} |" for n in range(30)
)
CODE = "def f(x):\n    return {x: [y for y in range(x) if y % 2]}\n\n" * 40
TEXTS = {
    "empty": "",
    "white space": " \n\t \n",
    "one word": "Storm",
    "one sentence": "The ferry to the island did not run on Monday.",
    "links": "\n".join(f"https://town.example/page/{n}" for n in range(200)),
    "code": CODE,
    "table": TABLE,
    "emoji": "🎉🎉🎉 🚢 🌊🌊",
    "Arabic": "قالت شركة العبارات إنها ستشتري أربع سفن كهربائية. وصوت المجلس ضد الميناء الثاني يوم "
    "الثلاثاء. وحذر اتحاد الصيادين من خسارة ثلاثمئة وظيفة.",
    "Hebrew": "חברת המעבורות הודיעה ביום שני שתקנה ארבע ספינות חשמליות. "
    "המועצה הצביעה נגד הנמל השני.",
    "Chinese": "渡轮公司星期一宣布将购买四艘新的电动船。"
    "岛议会星期二以六比三否决了第二个港口的计划。拖网渔船工会上周警告说,新配额将使三百人失业。",
    "Japanese": "フェリー会社は月曜日、新しい電気船を四隻購入すると発表した。"
    "島の議会は火曜日、第二の港の計画を否決した。",
    "Thai": "บริษัทเรือเฟอร์รี่ประกาศเมื่อวันจันทร์ว่าจะซื้อเรือไฟฟ้าลำใหม่สี่ลำ สภาเกาะลงมติคัดค้านแผนท่าเรือแห่งที่สอง",
    "no full stop": "the ferry went out and the wind came up and nobody had thought of that " * 400,
    "control characters": "The ferry\x00 did\x1b[31m not\x07 run.\x0b It was\x7f stormy.",
    "one character": "a" * 100_000,
    "quotation marks": '"' * 5000,
}


@pytest.fixture
def digest(command):
    """In this process: the model is loaded once, and not for each test."""
    return command


def squeezed(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def test_whatever_is_given_has_a_line_and_only_words_of_its_own(digest) -> None:
    lines = [json.dumps({"id": name, "text": text}) for name, text in TEXTS.items()]
    done = digest("summarize", "--jsonl", "-", input="\n".join(lines))
    assert done.returncode == 0, done.stderr
    found = {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(found) == list(TEXTS)
    for name, line in found.items():
        for sentence in line["sentences"]:
            assert squeezed(sentence["text"]) in squeezed(TEXTS[name]), name
            assert sentence["support"] == 1.0
    empty = {name for name, line in found.items() if not line["sentences"]}
    assert empty <= {"empty", "white space", "emoji", "quotation marks", "links"}
    assert found["one word"]["summary"] == "Storm"
    assert found["one sentence"]["summary"] == TEXTS["one sentence"]
    assert not any(ord(c) < 32 for line in found.values() for c in line["summary"])


@pytest.mark.slow
def test_a_book_is_read_as_far_as_is_said(digest, tmp_path: Path) -> None:
    paragraph = "In the {n}th year the ferry of the island sank in the strait and nobody was hurt. "
    book = "\n\n".join(paragraph.format(n=n) * 5 for n in range(2500))
    assert len(book.split()) > 200_000
    (tmp_path / "book.txt").write_text(book)
    done = digest("summarize", "book.txt", "--json")
    assert done.returncode == 0, done.stderr
    for sentence in json.loads(done.stdout)["sentences"]:
        assert sentence["text"] in book
        assert max(sentence["source"]) < 60  # MAX_SENTENCES, as docs/text.md says


def test_a_bad_line_is_named_by_number_and_the_others_go_on(digest, tmp_path: Path) -> None:
    good = json.dumps({"id": 1, "text": TEXTS["one sentence"]}).encode()
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([good, b"\xff\xfe", b"{", b"[" * 100_000, good]))
    done = digest("summarize", "--jsonl", "in.jsonl")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert [line.split(":")[:2] for line in done.stderr.splitlines()] == [
        ["in.jsonl", "2"],
        ["in.jsonl", "3"],
        ["in.jsonl", "4"],
    ]


def test_each_pick_can_be_explained(digest) -> None:
    line = json.dumps({"id": 1, "title": "Ferries", "text": TEXTS["one sentence"] + " It rained."})
    done = digest("summarize", "--jsonl", "--explain", input=line)
    (first, *_) = json.loads(done.stdout)["sentences"]
    assert "early" in first["why"]
    assert all(isinstance(share, float) for share in first["why"].values())


def test_a_lone_surrogate_in_an_id_or_a_text_breaks_nothing(digest) -> None:
    line = json.dumps({"id": "\ud800", "text": "The ferry \ud800 did not run on Monday."})
    done = digest("summarize", "--jsonl", input=line)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "?"


def test_an_explanation_needs_a_form_that_can_hold_it(digest) -> None:
    done = digest("summarize", "--explain", input=TEXTS["one sentence"])
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json" in done.stderr


def test_a_word_budget_is_kept(digest) -> None:
    text = " ".join(
        f"The council of town {n} voted on Monday for a new harbour wall." for n in "abcd"
    )
    done = digest("summarize", "--max-words", "15", "--max-sentences", "4", input=text)
    assert len(done.stdout.split()) <= 15


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [
        ("distilbert", 2, "did you mean distilbart"),
        ("distilbart", 3, "digest models pull distilbart"),
        ("./nowhere", 3, "no such folder"),
        ("nobody/nothing", 3, "digest models pull nobody/nothing"),
    ],
)
def test_a_model_that_is_not_there_says_what_to_do(
    digest, tmp_path: Path, model: str, status: int, words: str
) -> None:
    done = digest("summarize", "--model", model, input=TEXTS["Arabic"], HF_HOME=str(tmp_path))
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
