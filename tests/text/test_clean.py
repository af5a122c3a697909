from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.clean import article_text, file_text, plain_text
from digest.text.html import squeeze

FIRST = "The ferry reached the island before dawn on Monday."
LAST = "Nobody on board was hurt, the harbour master said."


def between(line: str) -> list[str]:
    """The paragraphs of a plain text with `line` in its middle."""
    return plain_text(f"{FIRST}\n\n{line}\n\n{LAST}").split("\n\n")


FURNITURE = [
    # bylines
    "By Åse Håkonsen",
    "By [Åse Håkonsen for NWS](#) and [Lars Berg](#)",
    "BY ÅSE HÅKONSEN AND LARS BERG",
    "Words by Åse Håkonsen",
    "Von Karl Weber",
    "(Reporting by Åse Håkonsen; editing by Lars Berg)",
    "Reporting by Åse Håkonsen; Editing by Lars Berg",
    # dates
    "March 2, 2026",
    "Monday, March 2, 2026 at 06:30 GMT",
    "2 March 2026",
    "Published 2 March 2026",
    "Updated 3 hours ago",
    "Last updated: Monday, 06:30",
    "Posted on March 2, 2026",
    "4 min read",
    # credits and captions' credits
    "Photo: Åse Håkonsen",
    "Photo by Åse Håkonsen",
    "(Photo by Åse Håkonsen/Harbour Pictures)",
    "Image credit: Harbour Office",
    "Photograph: Åse Håkonsen/Harbour Pictures",
    "Harbour Office / Åse Håkonsen",
    "The ferry at its berth on Sunday (Reuters)",
    "© 2026 Harbour Gazette",
    "Copyright 2026 Harbour Gazette. All rights reserved.",
    # pointers
    "Related article: The island that lost its ferry",
    "Related article: [The island that lost its ferry](#)",
    "Related: The island that lost its ferry",
    "Read more: The island that lost its ferry",
    "Read also » The island that lost its ferry",
    "Watch: The ferry leaves",
    "The post The island that lost its ferry appeared first on Harbour Gazette.",
    "The post The ferry first appeared on Harbour Gazette.",
    "Original url:",
    "Original url: https://gazette.example/ferry",
    "Source: Harbour Gazette",
    "<https://gazette.example/ferry>",
    "https://gazette.example/ferry",
    "Continue reading",
    "Continue reading The island that lost its ferry →",
    "Read more »",
    "Click here to read the whole story.",
    "This article was originally published in the Harbour Gazette.",
    # page furniture
    "Sign up for our morning newsletter.",
    "Please subscribe to our free daily newsletter",
    "Get the news of the harbour in your inbox.",
    "Follow us on Mastodon and Facebook.",
    "Share this article",
    "Share on Facebook",
    "We use cookies to improve this site.",
    "This site uses cookies.",
    "Advertisement",
    "Leave a comment",
    "Tags: ferry, island",
    "* * *",
    "———",
    # subheads
    "A long night",
    "'Believe what you see'",
    "What the islanders want now",
]


@pytest.mark.parametrize("line", FURNITURE)
def test_what_the_page_put_round_the_text_is_dropped(line: str) -> None:
    assert between(line) == [FIRST, LAST]


@pytest.mark.parametrize(
    "sentence",
    [
        "Watch the harbour long enough and a ferry comes.",
        "Watch: the harbour master had said it would come before dawn.",
        "Follow the road north and you reach the old quay.",
        "Follow us on the long road north, the sign says.",
        "Share prices of the ferry company fell by 3 percent.",
        "By the old quay, families waited all night.",
        "By Monday the ferry was back.",
        "Photos by the coast guard show the ferry at its berth.",
        "Pictures by islanders show it too.",
        "Subscribe numbers rose, the publisher said.",
        "Subscribers to the service were told by email.",
        "Register now to vote, the commission told islanders by email.",
        "Source code for the system was lost.",
        "Source: the harbour master, who asked not to be named, saw it all.",
        "Read the small print, the union said.",
        "More than 300 people waited.",
        "Related companies were searched as well.",
        "Tags on the bags had been swapped.",
        "Via the old canal the boat reached the lake.",
        "Updated figures show that 4% more people crossed.",
        "Published figures say otherwise.",
        "First published in 1920, the timetable never changed.",
        "Posted letters take five days.",
        "Last updated in spring, the map is wrong.",
        "Bakeries use cookies to draw customers.",
        "Copyright law is no help, the judge said.",
        "Image rights were sold to a bank.",
        "Video shows the ferry turning.",
        "Comments by the minister were cut.",
        "Print is dead, the publisher said.",
        "Join us on the quay at noon, the union wrote.",
        "Get there early.",
        "He earned 30 crowns / hour and was glad of it.",
        "“We waited all night.”",
        "Why did it turn?",
        "The list is short:",
        "He was 52.",
        "Par for the course, said the captain.",
    ],
)
def test_a_sentence_that_begins_like_furniture_stays(sentence: str) -> None:
    assert between(sentence) == [FIRST, sentence, LAST]


@pytest.mark.parametrize(
    ("dateline", "rest"),
    [
        ("PARIS (AP) — ", "The court ruled."),
        ("PARIS (AP) -- ", "The court ruled."),
        ("Paris (AFP) - ", "The court ruled."),
        ("LONDON, March 3 (Reuters) - ", "The court ruled."),
        ("(CNN) -- ", "The court ruled."),
        ("(CNN)", "The court ruled."),
        ("KYIV — ", "The court ruled."),
        ("KYIV—", "The court ruled."),
        ("SÃO PAULO (EFE) – ", "“It is over,” he said."),
        ("NEW YORK -- ", "The court ruled."),
        ("WASHINGTON, D.C. — ", "The court ruled."),
    ],
)
def test_a_dateline_is_taken_off(dateline: str, rest: str) -> None:
    assert plain_text(dateline + rest) == rest


@pytest.mark.parametrize(
    "text",
    [
        "The U.S. — and its allies — said so.",
        "U.S. — and allied — ships left.",
        "NASA — the agency that built it — said so.",
        "NATO — Germany's shield — said so.",
        "NATO (the alliance) — and its staff — left.",
        "UN (United Nations) — its staff left.",
        "A — B — C.",
        "(He left.) — She stayed.",
        "Kyiv — the capital — was quiet.",
    ],
)
def test_a_dash_that_ends_no_dateline_stays(text: str) -> None:
    assert plain_text(text) == text


@pytest.mark.parametrize(
    "paragraph",
    [
        "ฝนตกหนักเมื่อคืนนี้ แม่น้ำล้นตลิ่ง",  # Thai: no stops at all
        "昨夜大雨，河水漫过堤岸。",
        "昨夜の大雨で川があふれた。",
        "كان المطر غزيرا الليلة الماضية.",
        "هل توقف المطر؟",
        "कल रात भारी बारिश हुई।",
        "Вчера ночью шёл дождь.",
        "Ayer llovió mucho.",
        "Չորեքշաբթի անձրեւ էր։",
        "ትናንት ማታ ዘነበ።",
    ],
)
def test_a_short_paragraph_of_any_script_is_no_subhead(paragraph: str) -> None:
    assert paragraph in between(paragraph)


def test_markup_gives_the_article_alone() -> None:
    markup = f"""<h1>The ferry</h1><p>By Åse Håkonsen</p><figure><img src=x>
    <figcaption>The ferry at its berth. Photo: A. B.</figcaption></figure>
    <p>{FIRST}</p><h2>A long night</h2><p><strong>What they want</strong></p>
    <ul><li>12 crew</li><li>340 passengers</li></ul><p>{LAST}</p>
    <p>The post <a href=x>The ferry</a> appeared first on <a href=y>Gazette</a>.</p>"""
    assert article_text(markup).split("\n\n") == [FIRST, "12 crew", "340 passengers", LAST]


def test_lists_and_numbers_of_plain_text_stay() -> None:
    text = f"{FIRST}\n\n- 12 crew\n- 340 passengers at 1.5 crowns\n\n{LAST}"
    assert plain_text(text).split("\n\n") == [
        FIRST,
        "12 crew",
        "340 passengers at 1.5 crowns",
        LAST,
    ]


def test_wrapped_lines_are_one_paragraph_and_lines_of_sentences_several() -> None:
    assert plain_text("The ferry reached the\nisland before dawn\non Monday.") == FIRST
    assert plain_text(f"{FIRST}\n{LAST}") == f"{FIRST}\n\n{LAST}"


def test_the_title_is_not_said_again() -> None:
    title = "Ferry reaches island"
    assert plain_text(f"{title.upper()}\n\n{FIRST}", title) == FIRST


@pytest.mark.parametrize(
    "text", ["Ferry reaches island", "By Åse Håkonsen", "Read more", "Related: the ferry", "12"]
)
def test_what_would_be_cleaned_away_whole_is_given_back(text: str) -> None:
    assert plain_text(text) == text
    assert article_text(f"<p>{text}</p>") == text


@pytest.mark.parametrize("text", ["", "  \n\n ", "***", "<p></p>", "<!-- x -->"])
def test_nothing_gives_nothing(text: str) -> None:
    assert article_text(text) == ""


def test_ampersands_and_angles_of_plain_text_stand_for_themselves() -> None:
    assert plain_text("A &amp; B <b>c</b> are tags.") == "A &amp; B <b>c</b> are tags."
    assert article_text("A &amp; B are firms.") == "A & B are firms."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Ferry reaches island\n\nBy Åse Håkonsen\n\n{FIRST}\n\nA long night\n\n{LAST}", "plain"),
        (
            f"# Ferry reaches island\n\n**A long night**\n\n{FIRST}\n\n## Night\n\n{LAST}",
            "Markdown",
        ),
        (f"<h1>Ferry reaches island</h1><p>{FIRST}</p><h2>Night</h2><p>{LAST}</p>", "HTML"),
    ],
)
def test_a_file_gives_its_title_and_text(text: str, expected: str) -> None:
    assert file_text(text) == ("Ferry reaches island", f"{FIRST}\n\n{LAST}"), expected


def test_links_and_emphasis_of_markdown_are_read_as_text() -> None:
    text = "# T\n\nThe [ferry](https://x.example) reached *the island* before dawn on Monday."
    assert file_text(text) == ("T", FIRST)


def test_a_file_of_one_paragraph_has_no_title() -> None:
    assert file_text(FIRST) == ("", FIRST)


def test_a_line_that_begins_with_a_year_is_no_list() -> None:
    text = "It began in\n1986. **Nobody** knew of it then.\n"
    assert file_text(text)[1] == "It began in 1986. Nobody knew of it then."


def test_windows_line_ends_make_no_difference() -> None:
    assert plain_text(f"{FIRST}\r\n\r\n{LAST}") == f"{FIRST}\n\n{LAST}"


@pytest.mark.parametrize(
    "unit",
    [
        "A",
        " ",
        ".",
        "[",
        "(",
        "[a](",
        "**",
        "**a",
        "* ",
        "\n",
        "\n \n",
        ",",
        "/ ",
        "|",
        "#",
        "-",
        "A.",
        "Photo by ",
        "By A ",
        "—",
        " — ",
        "A —",
        "(AP",
        "www.",
        "!",
        "&",
        "_",
        "\u00a0",
        "9 ",
    ],
)
def test_no_repetition_takes_more_than_linear_time(unit: str) -> None:
    # With a quadratic pattern each of these takes minutes.
    for hostile in (unit * (200_000 // len(unit)), f"Word <b>x</b> {unit * 40_000} end."):
        article_text(hostile)
        plain_text(hostile)
        file_text(hostile)


def test_two_megabytes_on_one_line_are_survived() -> None:
    text = "The ferry reached the island (Reuters) / by dawn, " * 40_000
    assert plain_text(text) == squeeze(text)


FRAGMENTS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<li>",
        "<b>",
        "<h2>",
        "By A",
        "Read more",
        "A stop.",
        "AB —",
        "(AP)",
        "\n\n",
        "\n",
        "- x",
        "# t",
        "&lt;",
        "&#",
        "x",
        " ",
        "é",
        "中。",
        "\x00",
        "\ud800",
        "<!--",
        "*",
        "©",
        "12",
    ]
)


@given(st.lists(FRAGMENTS, max_size=30).map("".join) | st.text())
def test_no_text_is_too_broken(text: str) -> None:
    for cleaned in (article_text(text), plain_text(text), file_text(text)[1]):
        assert all(part == squeeze(part) != "" for part in cleaned.split("\n\n") if cleaned)


def test_what_a_machine_stamps_on_every_entry_is_not_even_kept_when_alone() -> None:
    stamp = (
        'submitted by <a href="https://forum.example/u/ann"> /u/ann </a> to '
        '<a href="https://forum.example/r/fun"> fun</a> <br/> '
        '<a href="https://forum.example/1">[link]</a> <a href="https://forum.example/2">[comments]</a>'
    )
    assert article_text(stamp) == ""
    assert article_text(f"<p>The bridge is open again.</p>{stamp}") == "The bridge is open again."
