"""What a reader sees of an edition before it is opened: subject and preheader. Pure."""

from __future__ import annotations

from dataclasses import replace

from digest.editions.filters import headline, long_date
from digest.editions.words import Words
from digest.records import Edition
from digest.text.shorten import shorten
from digest.text.subject import fill_subject, subject_fields

# Mail clients show 60 to 90 characters of a subject, and about as many of the preheader.
_SUBJECT = 90
_PREHEADER = 140
# A headline that is cut to less says nothing; then the whole subject is cut at its end.
_SHORTEST_HEADLINE = 30


def opened(edition: Edition, words: Words) -> Edition:
    """The edition with a subject by its `subject_form`, and a preheader, for what it holds.

    `words` are those of its language. An edition without stories stays as it is.
    """
    # They name what the reader finds first: each topic's top, then the others.
    tops = [headline(topic.stories[0]) for topic in edition.topics]
    headlines = tops + [headline(story) for topic in edition.topics for story in topic.stories[1:]]
    if not headlines:
        return edition
    # Of an only story, which the subject names, the preheader tells more.
    more = headlines[1:4] or [sentence.text for sentence in edition.stories[0].summary]
    return replace(
        edition,
        subject=_subject(edition, words),
        preheader=shorten((" · " if headlines[1:] else " ").join(more), _PREHEADER),
    )


def _subject(edition: Edition, words: Words) -> str:
    """The subject line, cut where mail clients would; what is cut is the headline if it can be."""
    template = edition.subject_form
    first = edition.topics[0].stories[0]
    told = headline(first)
    if first.update is not None:
        told = str(words.gettext("Update: %(headline)s")) % {"headline": told}
    values = {
        "title": edition.title,
        "headline": told,
        "topic": str(words.pgettext("topic", edition.topics[0].name)),
        "date": long_date(edition.date, edition),
        "stories": str(len(edition.stories)),
    }
    whole = fill_subject(template, values)
    if over := max(0, len(whole) - _SUBJECT):
        left = len(values["headline"]) - over
        if left >= _SHORTEST_HEADLINE and "headline" in subject_fields(template):
            values["headline"] = shorten(values["headline"], left)
            whole = fill_subject(template, values)
    return shorten(whole, _SUBJECT)
