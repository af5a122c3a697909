"""Articles that tell of many events at once: they belong to none of them, and would glue all.

Told by their headlines, which say so in the words of the trade; a text alone doesn't show it.
"""

from __future__ import annotations

import re

from digest.records import Article

_NUMBER = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"

# Several events under one headline.
_ROUNDUP = (
    rf"\b{_NUMBER} (?:\w+ ){{0,3}}(?:things|stories|headlines|takeaways|reasons|facts|charts|"
    rf"photos|pictures|questions|numbers|reads)\b.*\b(?:know|need|watch|today|week|morning|"
    rf"{_DAY}|read|miss|start|day|about)\b",
    r"\b(?:what you need|things you need|all you need|everything you need|need) to know (?:today|"
    rf"this (?:morning|week|evening)|on {_DAY}|before)\b",
    r"\bwhat (?:happened|we learn(?:ed|t)|to watch|to know) (?:today|this week|over the weekend|"
    r"yesterday)\b",
    r"^(?:the |your |our )?(?:\w+[’']s )?(?:morning|evening|midday|lunchtime|afternoon|daily|"
    rf"weekly|weekend|{_DAY}|nightly)(?: \w+)? (?:brief(?:ing)?|round-?up|digest|wrap(?:-?up)?|"
    r"edition|headlines|news(?:letter)?|bulletin|links|mail|recap|report)\b",
    r"\b(?:news|sports?|business|tech|science|week(?:ly)?|weekend|day|markets?|transfer|global|"
    r"world|local|politics|election|morning|evening)(?: \w+)? (?:round-?up|in brief|in pictures|"
    r"in review|in photos|in numbers|at a glance|quiz|digest|wrap(?:-?up)?|recap)\b",
    r"^(?:in brief|news in brief|briefly|round-?up|newsletter|headlines)(?:$|\s*[:|,–—-])",
    r"^(?:photos?|pictures?|quotes?) of the (?:day|week)\b|^(?:the (?:day|week)|this week|today) "
    r"in \w+|^on this day\b|\bwhat the papers say\b|^press review\b|^letters to the editor\b",
    r"\b(?:top|biggest|best|main|key) (?:stories|headlines|news)\b.*\b(?:day|week|today|morning)\b",
    # German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish, Ukrainian, Russian.
    r"\b(?:nachrichtenüberblick|presseschau|das wichtigste (?:in kürze|vom tag|des tages|am)|"
    r"der tag im überblick|kurznachrichten|kurz notiert|news-?überblick)\b",
    r"\b(?:revue de presse|l[’']essentiel de l[’']actu\w*|en bref|ce qu[’']il faut retenir|"
    r"l[’']actu(?:alité)? du jour)\b",
    r"\b(?:resumen (?:del día|de la semana|de noticias)|las noticias del día|rassegna stampa|"
    r"le notizie del giorno|resumo (?:do dia|da semana)|persoverzicht|nieuwsoverzicht|"
    r"nyhetssvep|przegląd (?:prasy|dnia|tygodnia))\b",
    r"\b(?:головне за (?:день|добу|тиждень)|підсумки (?:дня|тижня)|огляд преси|главное за "
    r"(?:день|неделю)|итоги (?:дня|недели)|обзор прессы)\b",
)
# One event, told minute by minute: it may follow a story, but brings none together.
_LIVE = (
    r"\blive ?blog\b|\blive[- ](?:updates?|coverage|report(?:ing)?|text|ticker|news|score)\b|"
    r"\bas it happened\b|\bminute[- ]by[- ]minute\b|\blatest updates\b|\brolling coverage\b",
    r"^live(?: now)?\s*[:|–—-]|[:|–—-]\s*live(?: updates?)?[.!]?$|^watch live\b",
    r"\b(?:live-?ticker|newsticker|news-?blog|en direct|en directo|in diretta|ao vivo|em direto|"
    r"minuto a minuto|direktrapport|na żywo|онлайн-трансл\w+|наживо|текстовая трансл\w+)\b",
)


# Each of the above has one of these, written so that a title that has none need not be searched:
# the titles of 20,000 articles took a second.
_TRIGGERS = frozenset(
    """
    know need watch today week weekend yesterday morning evening midday lunchtime afternoon daily
    weekly nightly monday tuesday wednesday thursday friday saturday sunday read miss start day
    about brief briefing briefly round roundup digest wrap wrapup recap edition headlines
    newsletter review pictures photos numbers glance quiz photo picture quote quotes on what press
    letters top biggest best main key nachrichtenüberblick presseschau wichtigste überblick
    kurznachrichten kurz newsüberblick news revue essentiel bref faut actu actualité resumen
    noticias rassegna notizie resumo persoverzicht nieuwsoverzicht nyhetssvep przegląd головне
    підсумки огляд главное итоги обзор
    live liveblog liveticker newsticker newsblog happened minute latest rolling direct directo
    diretta vivo direto minuto direktrapport żywo онлайн наживо текстовая
    """.split()
)
_LETTERS = re.compile(r"[^\W\d_]+")


def is_roundup(article: Article) -> bool:
    """Whether the headline says that the article tells of several events."""
    return _matches(_ROUNDUP_WORDS, article.title)


def is_live(article: Article) -> bool:
    """Whether the headline says that the article is added to while its event goes on."""
    return _matches(_LIVE_WORDS, article.title)


def _matches(words: re.Pattern[str], title: str) -> bool:
    if _TRIGGERS.isdisjoint(_LETTERS.findall(title.lower())):
        return False
    return words.search(" ".join(title.split())) is not None


_ROUNDUP_WORDS = re.compile("|".join(_ROUNDUP), re.IGNORECASE)
_LIVE_WORDS = re.compile("|".join(_LIVE), re.IGNORECASE)
