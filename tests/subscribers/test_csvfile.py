"""Lists of people as other programs write them, good lines and bad."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import UsageError
from digest.records import Subscriber, Subscription
from digest.subscribers.csvfile import (
    BadLine,
    Line,
    PeopleFile,
    guarded,
    joined,
    parted,
    unguarded,
    write_people,
)

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
TOPICS = ("World", "Sport", "Local life")
HEADER = "email,name,topics,language\n"


def opened(data: bytes | str, topics: Sequence[str] | None = TOPICS) -> PeopleFile:
    raw = data.encode() if isinstance(data, str) else data
    return PeopleFile(io.BytesIO(raw), "people.csv", topics, NOW)


def read(data: bytes | str, topics: Sequence[str] | None = TOPICS) -> list[Line | BadLine]:
    return list(opened(data, topics).lines())


def good(data: bytes | str, topics: Sequence[str] | None = TOPICS) -> list[Any]:
    lines = read(data, topics)
    assert not [line for line in lines if isinstance(line, BadLine)]
    return [line.person for line in lines if isinstance(line, Line)]


def addresses(data: bytes | str) -> list[tuple[int, str]]:
    """Number and address of the good lines, number and problem of the bad ones."""
    return [
        (one.number, one.problem if isinstance(one, BadLine) else one.person.address)
        for one in read(data)
    ]


def test_a_line_is_a_person() -> None:
    (jane,) = good(HEADER + "jane@Example.org,Jane Doe,world;Local life,en|de\n")
    assert (jane.address, jane.name) == ("jane@example.org", "Jane Doe")
    assert (jane.topics, jane.languages) == (("World", "Local life"), ("en", "de"))
    assert jane.asked is None


@pytest.mark.parametrize(
    "header", ["EMAIL", "E-Mail", " e mail ", "Mail", "Email Address", "email_address", '"email"']
)
def test_the_address_may_be_called_otherwise(header: str) -> None:
    assert good(f"{header},Name\njane@example.org,Jane\n")[0].address == "jane@example.org"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_whatever_they_are(delimiter: str, end: str) -> None:
    text = end.join([f"name{delimiter}email", f"Jane{delimiter}jane@example.org", ""])
    assert [(one.address, one.name) for one in good(text)] == [("jane@example.org", "Jane")]


def test_excels_line_about_the_delimiter_is_understood() -> None:
    assert addresses("sep=;\r\nemail;name\r\njane@example.org;J\r\n") == [(3, "jane@example.org")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_names_are_read_in_every_usual_encoding(encoding: str) -> None:
    (person,) = good(f"{HEADER}jane@example.org,Zoë Müller,,\n".encode(encoding))
    assert person.name == "Zoë Müller"


def test_an_old_encoding_is_remarked_on() -> None:
    notes = opened(f"{HEADER}jane@example.org,Zoë,,\n".encode("cp1252")).notes
    assert notes == [
        "is not UTF-8 and was read as Windows-1252; if names look wrong, export it as UTF-8"
    ]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_breaks() -> None:
    text = (
        "email,name,consent\n"
        '"jane@example.org","Doe, ""Jane""","on paper,\r\nat the fair"\n'
        "bob@example.org,Bob,\n"
    )
    jane, bob = read(text)
    assert isinstance(jane, Line)
    assert isinstance(bob, Line)
    assert (jane.person.name, jane.person.consent) == ('Doe, "Jane"', "on paper, at the fair")
    assert (bob.number, bob.person.address) == (4, "bob@example.org")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("jane@example,,,", "period"),
        (",Jane,,", "there is no e-mail address"),
        ("jane@example.org", "has 1 cell where the header has 4"),
        ("jane@example.org,Doe, Jane,,", "has 5 cells where the header has 4"),
        ('jane@example.org,"Jane,,', "a quotation mark opens here and is not closed"),
        ('jane@example.org,"Jane"x,,', "can't be read as CSV"),
        ("jane@example.org,,Weather,", "no topic 'Weather'; the digest has: World; Sport; Local"),
        ("jane@example.org,,,English please", "is no language tag"),
        ("jane@example.org\0,,,", "NUL"),
        ('jane@example.org,"Jane\nBcc: all@example.org",,', "write it in one line"),
        ('"jane@example.org\nBcc: x",,,', "line break"),
        (f"jane@example.org,{'x' * 201},,", "over 200 characters"),
        (f"jane@example.org,{'x' * 200_000},,", "characters long"),
    ],
)
def test_a_broken_line_costs_itself_alone(line: str, words: str) -> None:
    text = f"{HEADER}amy@example.org,Amy,,\n{line}\nbob@example.org,Bob,,\n"
    lines = read(text)
    bad = [one for one in lines if isinstance(one, BadLine)]
    assert bad[0].number == 3
    assert words in bad[0].problem
    taken = [one.person.address for one in lines if isinstance(one, Line)]
    assert taken == ["amy@example.org", "bob@example.org"]


def test_two_quotations_that_are_not_closed_swallow_nobody() -> None:
    text = f'{HEADER}a@example.org,"A,,\nb@example.org,B,,\nc@example.org,"C,,\nd@example.org,D,,\n'
    assert [number for number, what in addresses(text) if "@" in what] == [3, 5]


def test_empty_lines_are_passed_over_and_counted() -> None:
    text = f"\n\n{HEADER}\n,,,\n  \njane@example.org,,,\n\n"
    assert addresses(text) == [(7, "jane@example.org")]


def test_empty_columns_as_spreadsheets_write_them_are_passed_over() -> None:
    assert addresses("email,name,,\njane@example.org,Jane,,\n") == [(2, "jane@example.org")]


def test_an_address_counts_once() -> None:
    first, second = addresses(f"{HEADER}jane@example.org,,,\nJANE@Example.org,,,\n")
    assert first == (2, "jane@example.org")
    assert second[0] == 3
    assert "the same address as in line 2" in second[1]


def test_a_digest_whose_topics_are_found_takes_any() -> None:
    assert good(HEADER + "jane@example.org,,Weather;Space,\n", None)[0].topics == (
        "Weather",
        "Space",
    )


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2025-01-31", datetime(2025, 1, 31, tzinfo=UTC)),
        ("2025-01-31T07:00:00+01:00", datetime(2025, 1, 31, 6, tzinfo=UTC)),
        ("2025-01-31 07:00", datetime(2025, 1, 31, 7, tzinfo=UTC)),
        ("", None),
    ],
)
def test_the_time_of_subscription_is_read(written: str, time: datetime | None) -> None:
    assert good(f"email,subscribed\njane@example.org,{written}\n")[0].asked == time


@pytest.mark.parametrize("written", ["31/01/2025", "2027-01-01", "1066-10-14", "0001-01-01", "x"])
def test_a_time_that_can_not_be_is_refused(written: str) -> None:
    (line,) = read(f"email,subscribed\njane@example.org,{written}\n")
    assert isinstance(line, BadLine)
    assert "subscribed" in line.problem


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "people.csv: is empty"),
        (b"\n \n", "people.csv: is empty"),
        (b"name,phone\nJane,1\n", "people.csv:1: there is no column 'email'"),
        (b"jane@example.org,Jane\n", "people.csv:1: the first line holds an address"),
        (b"email,mail\na@example.org,b@example.org\n", "two columns for 'email'"),
        (b'"email,name\n', "people.csv:1: a quotation mark"),
        (b"PK\x03\x04\x00\x00", "a workbook"),
        (b"PK\x03\x04 and so on", "a workbook"),
        (b"\x00a\xd8\x00\x00a" * 9, "is no text"),
        (b"email,name\njane@example.org,Zo\x81\n", "is neither UTF-8"),
        ("email\nä\n".encode("utf-16")[:-1], "is not whole"),
        (b"\xef\xbb\xbfemail\n\xff\n", "is not whole"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(data: bytes, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        opened(data)
    assert words in str(caught.value)


def test_columns_that_mean_nothing_to_us_are_named() -> None:
    assert opened("email,phone,name\n").notes == ["columns that are not read: phone"]


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_bytes_are_a_surprise(data: bytes) -> None:
    for start in (b"", b"email,name\n"):
        try:
            lines = read(start + data)
        except UsageError:
            continue
        assert all(line.number > 0 for line in lines)


def test_a_long_list_takes_no_more_memory_than_its_addresses() -> None:
    """The file has 8 MB; what is kept is which addresses were seen."""
    padding = "x" * 950
    rows = (f"reader{number}@example.org,,World,{padding}\n" for number in range(8_000))
    data = io.BytesIO(("email,name,topics,consent\n" + "".join(rows)).encode())
    tracemalloc.start()
    count = sum(isinstance(line, Line) for line in PeopleFile(data, "x", TOPICS, NOW).lines())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8_000
    assert peak < 3_000_000


# --- writing --------------------------------------------------------------------------------

LINE = st.text(
    st.characters(
        blacklist_categories=("C", "Zl", "Zp", "Zs"), whitelist_characters=" ,;'=+-@|\\\""
    ),
    max_size=30,
).map(lambda text: " ".join(text.split()))
NAMES = st.lists(LINE.filter(bool), max_size=4, unique=True).map(tuple)
TIMES = st.integers(0, 1_700_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
SUBSCRIPTIONS = st.builds(
    lambda number, sign, name, topics, languages, asked, consent: Subscription(
        Subscriber(number, "k", f"{sign}a{number}@example.org", name, asked),
        "morning",
        "active",
        asked,
        topics,
        languages,
        None,
        None,
        consent,
    ),
    st.integers(0, 10**9),
    st.sampled_from(["", "=", "+", "-", "'"]),
    LINE,
    NAMES,
    st.lists(st.sampled_from(["en", "de", "pt-BR"]), unique=True).map(tuple),
    TIMES,
    LINE,
)


def written(*subscriptions: Subscription) -> str:
    file = io.StringIO(newline="")
    assert write_people(file, subscriptions) == len(subscriptions)
    return file.getvalue()


@given(st.lists(SUBSCRIPTIONS, max_size=5, unique_by=lambda one: one.subscriber.address))
@settings(deadline=None)
def test_what_is_exported_is_imported_as_it_was(subscriptions: list[Subscription]) -> None:
    text = written(*subscriptions)
    lines = list(PeopleFile(io.BytesIO(text.encode()), "x", None, NOW).lines())
    assert len(lines) == len(subscriptions)
    for line, one in zip(lines, subscriptions, strict=True):
        assert isinstance(line, Line)
        assert line.state == "active"
        person = line.person
        assert (person.address, person.name) == (one.subscriber.address, one.subscriber.name)
        assert (person.topics, person.languages) == (one.topics, one.languages)
        assert (person.consent, person.asked) == (one.consent, one.asked)


@given(st.lists(SUBSCRIPTIONS, min_size=1, max_size=3))
@settings(deadline=None)
def test_no_cell_is_a_formula(subscriptions: list[Subscription]) -> None:
    for row in csv.reader(io.StringIO(written(*subscriptions), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@given(st.text())
@settings(deadline=None)
def test_a_guarded_cell_is_given_back(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


@given(NAMES)
@settings(deadline=None)
def test_names_in_one_cell_are_told_apart(names: tuple[str, ...]) -> None:
    assert tuple(parted(joined(names))) == names


def test_the_columns_are_these() -> None:
    person = Subscriber(1, "k", "jane@example.org", "=Jane", NOW, bounced=NOW)
    subscription = Subscription(person, "morning", "active", NOW, ("A;B", "C"), ("en",))
    assert written(subscription) == (
        "email,name,topics,language,state,subscribed,confirmed,ended,consent\r\n"
        "jane@example.org,'=Jane,A\\;B;C,en,dead,2026-03-02T06:30:00+00:00,,,\r\n"
    )
