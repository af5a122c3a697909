"""Noise in the four forms that texts come in: feed HTML, whole pages, Markdown, plain text."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.clean import article_text, file_text, plain_text
from digest.text.noise import is_aside, is_noise, without_dateline

TITLE = "Ferry reaches island after a night at sea"
BODY = [
    "The ferry reached the island before dawn on Monday, eleven hours late.",
    "“We waited all night. Nobody told us a thing,” said Åse Håkonsen, who teaches at the school.",
    "The company has 12 ships and 340 crew, and sold 1.5 million tickets last year.",
    "It was the third breakdown since spring, and the harbour master wants an inquiry.",
    "Nobody on board was hurt, the harbour master said.",
]
ITEMS = ["12 ships", "340 crew at 1.5 crowns an hour"]

KINDS = {
    "byline": ["By Åse Håkonsen", "By Åse Håkonsen and Lars Berg, Harbour Gazette"],
    "bylines in other languages": [
        "Von Karl Weber",
        "Par Anne Roy",
        "Por Ana Ruiz",
        "Автор: Олена Коваль",
    ],
    "date": ["March 2, 2026", "Published 2 March 2026", "Опубліковано 2 березня 2026"],
    "photo credit": [
        "Photo: Åse Håkonsen",
        "Foto: Karl Weber",
        "Фото: Олена Коваль",
        "© Harbour Pictures",
    ],
    "agency credit": [
        "Harbour Office / TASS",
        "(Photo by A. Berg/Getty Images)",
        "The quay on Sunday (Reuters)",
    ],
    "related article": [
        "Related article: The island that lost its ferry",
        "Lesen Sie auch: Die Insel ohne Fähre",
        "Lire aussi : L'île sans ferry",
        "À lire aussi L'île sans ferry",
        "Lea también: La isla sin transbordador",
        "Te puede interesar: La isla sin transbordador",
        "Читайте також: Острів без порома",
        "Читайте также: Остров без парома",
        "Leia também: A ilha sem balsa",
        "Leggi anche: L'isola senza traghetto",
        "Lees ook: Het eiland zonder veer",
    ],
    "read more": [
        "Read more",
        "Read more: The island that lost its ferry",
        "Read more about ferries",
        "The island that lost its ferry: what we know so far Read more",
        "Weiterlesen",
        "Lire la suite",
        "Leer más",
    ],
    "appeared first": [
        "The post The ferry is late. Again. appeared first on Harbour Gazette.",
        "Der Beitrag Die Fähre erschien zuerst auf Hafenblatt.",
        "L’article Le ferry est apparu en premier sur Le Port.",
        "L'articolo Il traghetto sembra essere il primo su Il Porto.",
        "La entrada El barco se publicó primero en El Puerto.",
    ],
    "share": [
        "Share this article",
        "Share on Facebook",
        "Send this page to someone via email",
        "Read or Share this story: https://gazette.example/ferry",
        "Follow us on Mastodon and Facebook.",
        "Follow Lars Berg on Twitter at @larsberg",
    ],
    "newsletter": [
        "Sign up for our morning newsletter.",
        "Get the news of the harbour in your inbox.",
        "Jetzt den Newsletter abonnieren",
        "Suscríbete a nuestro boletín",
    ],
    "subhead": ["A long night", "'Believe what you see'", "What the islanders want now"],
    "caption": [
        "FILE - The ferry leaves its berth on Sunday, when nobody knew what the night would bring.",
        "Image caption The ferry at its berth on Sunday",
        "The ferry at its berth on the western quay of the island on Sunday, as the harbour master "
        "looks on from his office",
    ],
    "cookies": [
        "We use cookies to improve this site.",
        "This website uses cookies to give you the best experience.",
        "Wir verwenden Cookies, um diese Seite zu verbessern.",
    ],
    "original url": ["Original url:", "Original url: https://gazette.example/ferry"],
    "advertisement": ["Advertisement", "Story continues below advertisement", "Anzeige", "Реклама"],
    "thanks": [
        "(Reporting by Åse Håkonsen; editing by Lars Berg)",
        "Harbour Gazette's Lars Berg contributed to this report.",
        "-- With files from The Harbour Press",
    ],
    "rights": ["© 2026 Harbour Gazette. All rights reserved.", "Copyright 2026 Harbour Gazette."],
    "set-in post": ["What a night! pic.twitter.com/aB3dE6 — Åse (@aase) March 2, 2026"],
}

PAGE = """<!DOCTYPE html><html><head><title>{title} | Harbour Gazette</title>
<style>p {{}}</style></head>
<body><header><a href="/">Harbour Gazette</a></header>
<nav><ul><li><a href="/world">World</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<main><article><h1>{title}</h1>{body}</article></main>
<aside><h2>Most read</h2><p><a href="/1">Bridge opens in the north</a></p></aside>
<footer><p>Harbour Gazette, 1 Quay Street. We use cookies.</p></footer>
<script>x</script></body></html>"""


def _paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _feed(lines: list[str]) -> str:
    return article_text(_paragraphs(lines), TITLE)


def _page(lines: list[str]) -> str:
    title, text = file_text(PAGE.format(title=TITLE, body=_paragraphs(lines)))
    assert title == TITLE
    return text


def _markdown(lines: list[str]) -> str:
    title, text = file_text(f"# {TITLE}\n\n" + "\n\n".join(lines))
    assert title == TITLE
    return text


def _plain(lines: list[str]) -> str:
    title, text = file_text(f"{TITLE}\n\n" + "\n\n".join(lines))
    assert title == TITLE
    return text


FORMS: dict[str, Callable[[list[str]], str]] = {
    "feed": _feed,
    "page": _page,
    "Markdown": _markdown,
    "plain": _plain,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("line", [line for lines in KINDS.values() for line in lines])
def test_noise_is_dropped_in_every_form(form: str, line: str) -> None:
    text = FORMS[form]([*BODY[:2], line, *BODY[2:]])
    assert text.split("\n\n") == BODY


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "dateline",
    ["(CNN) -- ", "(CNN)", "LONDON (Reuters) – ", "Moscow (CNN)", "KYIV, March 2 (AP) — "],
)
def test_datelines_are_taken_off_in_every_form(form: str, dateline: str) -> None:
    assert FORMS[form]([dateline + BODY[0], *BODY[1:]]).split("\n\n") == BODY


@pytest.mark.parametrize("form", FORMS)
def test_quotations_and_numbers_stay_in_every_form(form: str) -> None:
    quotations = ['"It is over," she said. "We go home."', "The fare is 3.5 crowns, or 5%.", "Why?"]
    assert FORMS[form](BODY + quotations).split("\n\n") == BODY + quotations


def test_lists_stay_in_every_form() -> None:
    expected = [*BODY, *ITEMS, BODY[0] + " Again."]
    last = expected[-1]
    markup = (
        _paragraphs(BODY) + "<ul>" + "".join(f"<li>{i}</li>" for i in ITEMS) + f"</ul><p>{last}</p>"
    )
    bullets = "\n".join(f"- {item}" for item in ITEMS)
    text = "\n\n".join([*BODY, bullets, last])
    assert article_text(markup).split("\n\n") == expected
    assert file_text(PAGE.format(title=TITLE, body=markup))[1].split("\n\n") == expected
    assert file_text(f"# {TITLE}\n\n{text}")[1].split("\n\n") == expected
    assert file_text(f"{TITLE}\n\n{text}")[1].split("\n\n") == expected


def test_short_lines_that_are_announced_or_tell_numbers_are_a_list() -> None:
    results = ["North 3, South 1", "East 2, West 2", "Quay 0, Mole 4"]
    assert plain_text("\n\n".join([*BODY, *results, BODY[0] + " Again."])).count("\n\n") == 8
    announced = [
        "It has three parts:",
        "the mole",
        "the quay",
        "the berth",
        "Nobody knew of a fourth.",
    ]
    assert plain_text("\n\n".join(announced)).split("\n\n") == announced


def test_a_menu_of_short_lines_is_no_list() -> None:
    assert (
        plain_text("\n\n".join(["Home", "World", "Sport", "Weather", *BODY])).split("\n\n") == BODY
    )


def test_lines_of_one_paragraph_that_are_noise_go_and_wrapped_lines_stay() -> None:
    text = (
        f"Photo: Åse Håkonsen\n{BODY[0]}\n\nThe tickets were sold\nby Monday, said Berg.\nRead more"
    )
    assert plain_text(text).split("\n\n") == [
        BODY[0],
        "The tickets were sold by Monday, said Berg.",
    ]


def test_one_paragraph_a_line_is_told_from_wrapped_prose() -> None:
    assert (
        plain_text("\n".join([*BODY[:2], "Read more: The island", *BODY[2:]])).split("\n\n") == BODY
    )


def test_the_last_line_may_lack_its_stop_where_a_feed_cuts_texts() -> None:
    cut = (
        "The company would not say on Tuesday when the next ferry leaves or whether tickets of the"
    )
    assert plain_text("\n\n".join([*BODY, cut])).split("\n\n") == [*BODY, cut]


@pytest.mark.parametrize(
    "sentence",
    [
        "CNN's Åse Berg contributed to this report.",
        "Read more: Island loses its ferry .",
        "READ: Will the ferry come back?",
        "Opinion: Why the ferry had to stop .",
        "Copyright 2026 Harbour Gazette.",
        "All rights reserved.",
        "The opinions expressed in this commentary are solely those of the author.",
        "Journalist Åse Berg reported from Bergen, and Gazette's Lars Hill wrote from Oslo.",
        "You can follow him on Instagram.",
        "If you want to help, click here.",
        "Sign up for the morning newsletter.",
    ],
)
def test_a_sentence_about_the_page_is_told_within_running_text(sentence: str) -> None:
    assert is_aside(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Writing in a journal, scientists from three universities described the noise.",
        "Watch: the harbour master had said it would come before dawn.",
        "He contributed to the report of the commission in 1986.",
        "The company reserves all rights to the route.",
        "Follow the coast and you reach the quay.",
        "Like many on Facebook, she was surprised.",
        "The paper's reporters wrote that the ferry was late.",
        "Her opinion: the ferry is too old.",
    ],
)
def test_a_sentence_about_the_matter_is_none(sentence: str) -> None:
    assert not is_aside(sentence)
    assert not is_noise(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Reporting by the Gazette has revealed that prisoners were beaten in the old fort.",
        "Writing by hand helps children to remember what they learn.",
        "Editing by committee ruined the film, its director says.",
        "Compiled by hand, the list took a year.",
        "With reporting from the front banned, rumours spread through the town.",
        "With files from the archive, historians traced the lost ship.",
        "Editors' notes on the manuscript were sold for a fortune.",
        "We baked two hundred cookies for the families of the crew.",
        "We sold cookies at the gate to pay for the roof.",
        "The regulator fined the shop over the cookie policy of its rival.",
        "FILE sharing grew fast.",
        "FILE-sharing sites were closed in spring.",
        "More: two people died.",
        "Register of voters was sent by a channel of the ministry.",
        "Join forces or sink, a podcast of the union told the crews.",
        "Get the app wrong and nobody will buy a ticket.",
        "Sponsored by the state, the league grew to forty clubs.",
        "Share this burden, the minister told the islands.",
        "Originally published in 1920, the novel made the island famous.",
        "Views expressed in the survey are mixed.",
        "The post office first appeared on maps in 1850.",
        "Image copyright law is changing across the north.",
        "A post shared by the minister drew anger.",
        "This video is not the first of its kind.",
        "Copyright law was changed.",
        "Two universities contributed research that changed the plan.",
        "Berg's brother wrote from Oslo that he was ill.",
    ],
)
def test_prose_that_begins_like_noise_stays(sentence: str) -> None:
    assert not is_aside(sentence)
    assert not is_noise(sentence)


@pytest.mark.parametrize(
    "line",
    [
        "Reporting by Åse Berg in Oslo and Lars Hill; Editing by Ana Ruiz",
        "Additional reporting by Lars Hill.",
        "With reporting from The Harbour Press",
        "Editor's note: The first version gave a wrong date.",
        "FILE PHOTO: The ferry at its berth",
        "Accept all cookies",
        "Join our Telegram channel",
    ],
)
def test_credits_and_pleas_go_as_before(line: str) -> None:
    assert is_noise(line)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("Moscow (CNN)The court ruled.", "The court ruled."),
        ("New York (CNN) The court ruled.", "The court ruled."),
        ("Peshawar, Pakistan (CNN)A court ruled.", "A court ruled."),
        ("CNN — The court ruled.", "The court ruled."),
        ("BERLIN (dpa) - Das Gericht entschied.", "Das Gericht entschied."),
        ("КИЇВ — Суд вирішив.", "Суд вирішив."),
        ("Media playback is not supported on this device The court ruled.", "The court ruled."),
        ("Reuters (the agency) said so.", "Reuters (the agency) said so."),
        ("The alliance (NATO) said so.", "The alliance (NATO) said so."),
        ("CNN — the network — said so.", "CNN — the network — said so."),
    ],
)
def test_what_is_a_dateline(line: str, rest: str) -> None:
    assert without_dateline(line) == rest


def test_a_place_before_a_colon_is_a_dateline_only_where_the_article_begins() -> None:
    assert plain_text(f"NEW DELHI: {BODY[0]}\n\n{BODY[1]}").startswith(BODY[0])
    assert plain_text(f"LEE: {BODY[0]}\n\nBERG: {BODY[1]}").startswith("LEE: ")


UNITS = [
    " ",
    "-",
    "—",
    '"',
    "“",
    "'",
    "(",
    "[",
    "A",
    "A ",
    "a ",
    "©",
    "@",
    "/ ",
    "Read more ",
    "by ",
    "(AP",
    "click ",
    "Reporting by A.",
    "A.",
]


@pytest.mark.parametrize("unit", UNITS)
def test_no_pattern_takes_more_than_linear_time(unit: str) -> None:
    # With a quadratic pattern each of these takes minutes.
    for text in (unit * (200_000 // len(unit)), f"A{unit * 199_000}"[:200_000]):
        is_noise(text)
        is_aside(text)
        without_dateline(text)


@pytest.mark.parametrize("unit", ["A.", "A", "A. ", "A-", "and ", "A/", "A, ("])
def test_a_credit_of_many_parts_is_judged_in_one_way(unit: str) -> None:
    # Where a name could be cut in several places this would never end.
    for lead in ("Reporting by ", "With files from ", "Berg's A wrote from "):
        sentence = lead + unit * (350 // len(unit)) + " was found out."
        assert not is_noise(sentence)
        assert not is_aside(sentence)


@given(st.text())
def test_a_dateline_is_only_ever_taken_from_the_front(text: str) -> None:
    assert text.endswith(without_dateline(text))
