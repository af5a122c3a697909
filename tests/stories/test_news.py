"""What counts as news to readers of an earlier report: pairs of invented reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from digest.records import Article
from digest.stories.news import news

Make = Callable[..., Article]

FIRE = (
    "Three killed in warehouse fire in Fellhaven",
    "Three people were killed when a warehouse in the harbour of Fellhaven burned down on Tuesday "
    "night, the fire service said. About forty firefighters fought the flames until four in the "
    "morning. The building belonged to Nordkai Logistics.\n\n“We could see it from the bridge,” "
    "said Odd Lervik, a ferryman.",
)
MAYOR = (
    "Mayor of Skarland resigns over quarry deal",
    "Peter Lund, mayor of Skarland, resigned on Monday over a quarry that the town bought from his "
    "brother. The council meets on Thursday. Lund denied that he had done anything wrong.",
)
RATE = ("Bank holds rate at 2.5%", "The central bank left its rate at 2.5 per cent on Thursday.")
CUP = (
    "Skarland lead 1-0 at the break",
    "Skarland lead Fellhaven 1-0 at half-time in the cup final at the Quarry Ground.",
)
FERRIES = ("Ferries are full", "The ferries carry about 4,100 people a day, twelve of them pilots.")
BANK = (
    "Police search for man after bank robbery",
    "A man robbed a bank in Skarland on Monday and fled on a bicycle, police said.",
)

NEWS = {
    "a toll that rises": (
        FIRE,
        "Death toll in Fellhaven fire rises to five",
        "Two more people have died after the fire in a Fellhaven warehouse, bringing the toll to "
        "five, the hospital said on Thursday.",
        "five",
    ),
    "a toll that rises in the opening alone, in other words": (
        FIRE,
        "Harbour fire: more victims found",
        "Five people are now known to have died in the warehouse fire in Fellhaven, police said.",
        "Five",
    ),
    "a successor": (
        MAYOR,
        "Anna Holm to follow Lund as mayor of Skarland",
        "The council of Skarland elected Anna Holm as mayor on Thursday, three days after Peter "
        "Lund resigned. Holm, a teacher, has sat in the council since 2019.",
        "Anna Holm",
    ),
    "a successor whom the headline does not name": (
        MAYOR,
        "Council picks a new mayor",
        "The council of Skarland elected Anna Holm as mayor on Thursday with 19 votes, three days "
        "after Peter Lund resigned. Holm, a teacher, has sat in the council since 2019.",
        "Anna Holm",
    ),
    "a successor in a headline in title case": (
        MAYOR,
        "Skarland Elects Anna Holm As Its New Mayor",
        "The council of Skarland elected Anna Holm as mayor on Thursday.",
        "Anna Holm",
    ),
    "another rate": (
        RATE,
        "Bank cuts rate to 2.25%",
        "The central bank cut its main rate to 2.25 per cent on Friday, in an unscheduled meeting.",
        "2.25%",
    ),
    "a final score": (
        CUP,
        "Skarland win the cup 3-1",
        "Skarland beat Fellhaven 3-1 in the cup final on Sunday.",
        "3-1",
    ),
    "a suspect's name": (
        BANK,
        "Bank robbery: Tom Bakke arrested",
        "Police arrested Tom Bakke on Wednesday over the robbery of a bank in Skarland.",
        "Tom Bakke",
    ),
    "a toll that rises, headlines alone": (
        ("Three killed in Fellhaven fire", ""),
        "Fellhaven fire: death toll rises to five",
        "",
        "five",
    ),
}

NO_NEWS = {
    "another paper's report": (
        FIRE,
        "Deadly blaze destroys harbour warehouse",
        "At least three workers died in a fire at a warehouse in Fellhaven, officials said on "
        "Wednesday. More than 40 firefighters were at the scene. Police chief Marit Solheim said "
        "the cause was not known. Solheim asked witnesses to come forward.",
    ),
    "another quotation": (
        FIRE,
        "“Like a wall of flame”: three dead after harbour fire",
        "Three people are dead after a fire at a warehouse in Fellhaven. “It was like a wall of "
        "flame,” said Ingrid Aas, who lives across the street. Aas left her flat at midnight.",
    ),
    "an age and an opinion": (
        MAYOR,
        "Quarry affair costs mayor his office",
        "The mayor of the island town of Skarland, Peter Lund, stepped down yesterday. The "
        "54-year-old had bought a quarry from his own brother with the town's money. Opposition "
        "leader Karin Moe called it overdue. Moe wants an inquiry.",
    ),
    "dates and times of day": (
        FIRE,
        "Fire kills three in Fellhaven",
        "Three people died in a fire on 24 November at 23:40 in a warehouse in Fellhaven. The "
        "flames were out by 4am on Wednesday.",
    ),
    "a number in other spelling": (
        FERRIES,
        "Ferries carry 12 pilots",
        "Of the 4100 people on the ferries each day, 12 are pilots.",
    ),
    "a number told less exactly": (
        FERRIES,
        "Nearly 4,000 people take the ferries",
        "Nearly 4,000 people take the ferries on a usual day.",
    ),
    "a list": (
        FIRE,
        "Five things to know about the Fellhaven fire",
        "Three people were killed when a warehouse burned down in Fellhaven. Here is what is known "
        "so far about the fire.",
    ),
    "names deep in the text": (
        FIRE,
        "Warehouse fire kills three",
        "Three people were killed in a fire in Fellhaven. The warehouse burned down on Tuesday.\n\n"
        "The town has seen fires before. In the great fire of the harbour 212 houses were lost, "
        "and Bishop Aslak Torvik opened his church to the homeless. Torvik's letters tell of it.",
    ),
    "the agency that signs": (
        FIRE,
        "Fire kills three, Reuters reports",
        "FELLHAVEN (Reuters) - Three people were killed when a warehouse burned down.",
    ),
    "one more name, headlines alone": (
        ("Three killed in Fellhaven fire", ""),
        "Norwegian port: deadly fire in warehouse",
        "",
    ),
    "a headline alone in title case": (
        ("Three killed in Fellhaven fire", ""),
        "Three Dead After Massive Harbour Blaze In Norway",
        "",
    ),
    "the same again": (FIRE, *FIRE),
    "nothing": (FIRE, "", ""),
}


@pytest.mark.parametrize(("told", "title", "text", "fact"), NEWS.values(), ids=NEWS)
def test_new_numbers_and_names_are_news(
    make_article: Make, told: tuple[str, str], title: str, text: str, fact: str
) -> None:
    assert fact in news(make_article("b", title, text), [make_article("a", *told)])


@pytest.mark.parametrize(("told", "title", "text"), NO_NEWS.values(), ids=NO_NEWS)
def test_the_same_event_in_other_words_is_no_news(
    make_article: Make, told: tuple[str, str], title: str, text: str
) -> None:
    assert news(make_article("b", title, text), [make_article("a", *told)]) == ()


def test_what_any_of_the_told_articles_had_is_no_news(make_article: Make) -> None:
    _, title, text, _ = NEWS["a toll that rises in the opening alone, in other words"]
    told = [make_article("a", *FIRE), make_article("c", "Five dead", "Five people have died.")]
    assert news(make_article("b", title, text), told) == ()


def test_a_fact_in_two_spellings_is_one(make_article: Make) -> None:
    told = make_article("a", "Bank fined", "The bank was fined.")
    later = make_article("b", "Bank fined $88.7M", "The bank was fined 88.7 million dollars.")
    assert news(later, [told]) == ("$88.7M",)
