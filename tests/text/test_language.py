from __future__ import annotations

import pytest

from digest.text.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The council approved a new tram line through the harbour on Monday evening.", "en"),
        ("Der Stadtrat hat am Montagabend eine neue Straßenbahnlinie beschlossen.", "de"),
        ("Le conseil municipal a approuvé lundi soir une nouvelle ligne de tramway.", "fr"),
        ("Городской совет в понедельник вечером одобрил новую трамвайную линию.", "ru"),
        ("市議会は月曜日の夜、港を通る新しい路面電車の路線を承認した。", "ja"),
    ],
)
def test_a_sentence_tells_its_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "42", "🎉🎉", "OK"])
def test_a_text_that_tells_nothing_has_no_language(text: str) -> None:
    assert detect_language(text) == ""
