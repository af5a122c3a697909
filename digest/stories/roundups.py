"""Articles that tell of many events at once: they belong to none of them, and would glue all.

Told by their headlines, which say so in the words of the trade; a text alone doesn't show it.
"""

from __future__ import annotations

import re

from digest.records import Article

_NUMBER = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_DAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
_TIME = rf"(?:morning|evening|midday|lunchtime|afternoon|night|weekend|today|{_DAY})"
# A rubric is a headline of its own, or stands before a colon or a dash.
_ENDS = r"(?:[’']s)?(?:$|\s*[:|–—]|\s-\s|,)"

# Several events under one headline.
_ROUNDUP = (
    rf"\b{_NUMBER} (?:\w+ ){{0,2}}(?:things|stories|headlines) (?:\w+ ){{0,3}}(?:to know|to watch|"
    r"you need|you (?:may|might) have missed|to start|we learn(?:ed|t)|that happened)\b",
    r"\b(?:what|all|everything|things) (?:you|to|we) (?:need to |have to )?know(?::|,? (?:today|"
    rf"this|on {_DAY}|before|for)\b)",
    r"\b(?:here[’']s )?what (?:happened|we learn(?:ed|t)|to watch)(?: \w+)? (?:today|overnight|"
    r"this week|over the weekend|yesterday|last night)\b",
    rf"^(?:the |your |our )?(?:\w+[’']s )?(?:{_TIME}|daily|weekly|nightly)(?:[’']s)?(?: \w+)? "
    rf"(?:brief(?:ing)?|round-?up|digest|wrap(?:-?up)?|headlines|newsletter|bulletin|recap|papers)"
    rf"{_ENDS}",
    rf"^(?:the |your |our )?(?:{_TIME}|daily|weekly) (?:edition|news|links|mail){_ENDS}",
    r"\b(?:news|sports?|business|tech|science|week(?:ly)?|weekend|day|markets?|transfer|global|"
    r"world|local|politics|election|morning|evening)(?: \w+)? (?:round-?up|in brief|in pictures|"
    r"in review|in photos|in numbers|at a glance|digest|wrap(?:-?up)?|recap|summary|quiz)"
    rf"{_ENDS}",
    rf"^(?:in brief|news in brief|briefly|round-?up|newsletter|headlines|in pictures|quiz){_ENDS}",
    r"^(?:photos?|pictures?|quotes?) of the (?:day|week)\b|^(?:the (?:day|week)|this week) in \w+|"
    rf"^today in (?:history|pictures|brief)\b|^on this day{_ENDS}|\bwhat the papers say\b|"
    rf"^press review\b|^letters to the editor\b|^(?:newspaper|front) (?:headlines|pages){_ENDS}",
    r"\b(?:top|biggest|best|main|key|today[’']s) (?:stories|headlines|news|events)\b(?:.*\b(?:day|"
    r"week|today|morning|at \d)\b|\s*(?:$|[:|–—]))",
    # German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish, Ukrainian, Russian.
    r"\b(?:nachrichtenüberblick|presseschau|das wichtigste (?:in kürze|vom tag|des tages|am)|"
    r"der tag im überblick|kurznachrichten|kurz notiert|news-?überblick|was heute wichtig (?:ist|"
    r"wird)|nachrichten am (?:morgen|abend|mittag))\b",
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
    r"^live(?: now)?\s*[:|–—-]|\blive\s*:|[:|–—-]\s*live(?: updates?)?[.!]?$|^watch live\b|"
    r"\bbriefing: what we know\b",
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
    letters top biggest best main key happened overnight night summary papers newspaper front
    things stories heute nachrichten learned learnt history
    nachrichtenüberblick presseschau wichtigste überblick
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
