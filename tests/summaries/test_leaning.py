"""Which beginnings need the sentence before them, by language."""

from __future__ import annotations

import pytest

from digest.summaries.leaning import leans

LEANS = {
    "en": [
        "He left at dawn.",
        "The latter was sold in spring.",
        "The former, he said, is too old.",
        "Both were hurt.",
        "Both of them left.",
        "But nobody knew.",
    ],
    "de": ["Er ging.", "Diese Fähre ist alt.", "Allerdings fehlt das Geld."],
    "fr": ["Elle est partie.", "Ce bateau est vieux.", "Mais personne ne savait."],
    "es": ["Ella se fue.", "Este barco es viejo.", "Y nadie lo sabía."],
    "it": ["Lei è partita.", "Questa nave è vecchia.", "E nessuno lo sapeva."],
    "pt": ["Ela partiu.", "Este barco é velho.", "E ninguém sabia."],
    "nl": ["Hij vertrok.", "Deze boot is oud.", "Maar niemand wist het."],
    "uk": ["Він пішов.", "Цей корабель старий.", "І ніхто не знав."],
    "ru": ["Он ушёл.", "Этот корабль старый.", "А никто не знал."],
}
STANDS = {
    "en": [
        "The former prime minister arrived on Monday.",
        "The former Chelsea striker scored twice.",
        "Both Houses of parliament voted.",
        "The latter half of the year was dry.",
        "Those who fled came back.",
        "IT firms hired more staff.",
        "So-called experts were wrong.",
        "This week the ferry stopped.",
    ],
    "de": ["Die Fähre sank.", "Diese Woche fährt nichts.", "Der Rat stimmte zu."],
    "fr": ["Le bateau a coulé.", "Cette semaine, rien ne part.", "Ce lundi, le port a rouvert."],
    "es": ["Y Combinator invirtió.", "Este lunes abrió el puerto.", "La nave se hundió."],
    "it": ["E. Rossi ha vinto.", "Questa settimana il porto chiude.", "La nave è affondata."],
    "pt": ["O Globo noticiou o caso.", "E. Sousa venceu.", "Esta semana o porto fecha."],
    "nl": ["Het kabinet viel.", "Deze week vaart niets.", "De boot zonk."],
    "uk": ["І. Франко народився в селі.", "Ті, хто втік, повернулися.", "Корабель затонув."],
    "ru": ["А. Иванов победил.", "Те, кто бежал, вернулись.", "Корабль затонул."],
}


@pytest.mark.parametrize(
    ("language", "sentence"), [(code, text) for code, texts in LEANS.items() for text in texts]
)
def test_what_points_back_leans(language: str, sentence: str) -> None:
    assert leans(sentence, language)


@pytest.mark.parametrize(
    ("language", "sentence"), [(code, text) for code, texts in STANDS.items() for text in texts]
)
def test_what_begins_afresh_stands_alone(language: str, sentence: str) -> None:
    assert not leans(sentence, language)
