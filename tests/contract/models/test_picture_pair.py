"""A pair of models by the operator: its description, and the whole way with a tiny pair of real ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.pair_space import PairTexts, prepared
from photofinish.analysis.models.picture_pair import PicturePair, PictureTower
from photofinish.analysis.models.picture_space import load_pictures, load_texts
from photofinish.analysis.models.selection import ANALYSIS_ROLES, check_models, model_labels
from photofinish.analysis.models.settings import ModelSettings
from photofinish.application.search.searcher import Searcher
from photofinish.domain.search import Description, SearchQuery
from photofinish.errors import Misconfigured
from support.faces import photo
from support.pictures import BgrImage, encode
from support.searching import NamedPeople, found

WORDS = ("[PAD]", "[UNK]", "red", "green", "blue", "photo", "a", "of")
PAD, COLOURS = 0, 3
DESCRIPTION = """
name = "tiny"
licence = "Apache-2.0"
dimensions = 3
[image]
file = "image.onnx"
size = 32
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
[text]
file = "text.onnx"
length = 6
pad = 0
template = "a photo of {}"
[similarity]
unrelated = 0.5
related = 0.9
"""


def save(path: Path, nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], **constants: np.ndarray) -> None:
    output = helper.make_tensor_value_info("embeds", TensorProto.FLOAT, ["N", COLOURS])
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tower", inputs, [output], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pair whose space has three directions: red, green, blue."""
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["N", 3, 32, 32])
    mean = helper.make_node("ReduceMean", ["pixel_values"], ["embeds"], axes=[2, 3], keepdims=0)
    save(tmp_path / "image.onnx", [mean], [pixels])
    places = np.zeros((len(WORDS), COLOURS), np.float32)
    places[2:5] = np.eye(3)
    places[1] = 1e-3  # so that no text lies nowhere
    texts = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["N", 6]) for name in ("input_ids", "attention_mask")
    ]
    nodes = [
        helper.make_node("Gather", ["places", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide_mask"]),
        helper.make_node("Mul", ["words", "wide_mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "pieces"], ["embeds"], keepdims=0),
    ]
    save(tmp_path / "text.onnx", nodes, texts, places=places, last=np.array([2]), pieces=np.array([1]))
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "pair.toml").write_text(DESCRIPTION)
    return tmp_path


@pytest.fixture
def settings(model_settings: ModelSettings, folder: Path) -> ModelSettings:
    return replace(model_settings, picture_pair=folder, label_search=True)


def painted(bgr: tuple[int, int, int]) -> BgrImage:
    return np.full((200, 300, 3), bgr, np.uint8)


def test_the_whole_way_from_photos_to_an_answer(settings: ModelSettings) -> None:
    analyzer = Analyzer.load(settings)
    index = MemoryFaceIndex()
    for name, bgr in (("red", (0, 0, 250)), ("green", (0, 250, 0)), ("blue", (250, 0, 0))):
        [result] = analyzer.analyze([encode(painted(bgr))])
        assert isinstance(result, AnalyzedPhoto)
        assert result.analysis.models["picture_embedding"].startswith("tiny-")
        assert "picture_labels" not in result.analysis.models, "the pair takes the place of label search"
        assert "tiny" in result.pipeline_version
        index.replace(photo(f"race/{name}.jpg"), result.pipeline_version, result.analysis)
    texts = load_texts(settings)
    assert texts is not None
    searcher = Searcher(index, NamedPeople(), NamedNumbers(), {})
    for word in ("red", "green", "blue"):
        about = Description(text=word, place=texts.of_text(word), scale=texts.scale)
        page = searcher.search(SearchQuery(album="race", about=about))
        assert found(page) == [f"{word}.jpg"]
        evidence = page.photos[0].depiction
        assert evidence is not None
        assert evidence.similarity == pytest.approx(1, abs=1e-2)
        assert evidence.labels == ()


class NamedNumbers:
    def faces_by_number(self, album: str, number: str, limit: int) -> list[None]:
        return []


def test_both_sides_are_of_one_space_that_the_files_name(settings: ModelSettings, folder: Path) -> None:
    pictures, texts = load_pictures(settings), load_texts(settings)
    assert pictures is not None
    assert texts is not None
    [shown] = pictures.depict([painted((0, 0, 250))])
    assert shown.embedding.space == texts.space == texts.of_text("red").space
    assert texts.space.startswith("scene-tiny-")
    (folder / "text.onnx").write_bytes((folder / "text.onnx").read_bytes() + b"\x72\x00")
    other = PicturePair.of(settings)
    assert other is not None
    assert other.embedding_space != texts.space, "another file is another space"


def test_long_texts_are_cut_and_short_ones_filled_up(settings: ModelSettings) -> None:
    texts = load_texts(settings)
    assert isinstance(texts, PairTexts)
    assert texts.of_text("red " * 50).vector == pytest.approx([1, 0, 0])
    assert texts.of_text("blue").vector == pytest.approx([0, 0, 1])


def test_a_batch_gives_what_each_picture_gives_alone(settings: ModelSettings) -> None:
    pictures = load_pictures(settings)
    assert pictures is not None
    images = [painted((0, 0, 250)), painted((250, 250, 0))[:, :70], painted((9, 99, 199))[:10]]
    together = [one.embedding.vector.tolist() for one in pictures.depict(images)]
    assert together == [pictures.depict([image])[0].embedding.vector.tolist() for image in images]
    assert pictures.depict([]) == []


def test_pixels_are_normalised_and_fitted_as_described() -> None:
    image = painted((0, 0, 0))
    image[:, :50] = (51, 102, 255)
    tower = PictureTower(file="", size=32, mean=[0.5, 0.2, 0.1], std=[0.5, 0.4, 0.2])
    squashed = prepared(image, tower.model_copy(update={"fit": "squash"}))
    assert squashed.shape == (3, 32, 32)
    assert squashed[:, 0, 0] == pytest.approx([(1 - 0.5) / 0.5, (0.4 - 0.2) / 0.4, (0.2 - 0.1) / 0.2], abs=1e-6)
    assert prepared(image, tower)[:, 0, 0] == pytest.approx([-1, -0.5, -0.5], abs=1e-6), "the edge is cut off"


def change(old: str, new: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        described = (folder / "pair.toml").read_text()
        assert old in described
        (folder / "pair.toml").write_text(described.replace(old, new))

    return damage


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def break_file(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"not what it says")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lose("pair.toml"), "pair.toml cannot be read"),
        (lose("image.onnx"), "image.onnx cannot be read"),
        (lose("text.onnx"), "text.onnx cannot be read"),
        (lose("tokenizer.json"), "tokenizer.json does not exist"),
        (break_file("pair.toml"), "pair.toml: "),
        (change("dimensions = 3", ""), "dimensions: Field required"),
        (change("size = 32", "size = -1"), "image.size: "),
        (change("size = 32", "size = 32\ncolour = 1"), "image.colour: Extra inputs"),
        (change("related = 0.9", "related = 0.1"), "a scale rises"),
        (change("a photo of {}", "a photo"), "text.template has no {}"),
    ],
)
def test_a_wrong_description_is_found_before_anything_loads(
    settings: ModelSettings, folder: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(folder)
    for use in (model_labels, lambda given: check_models(given, ANALYSIS_ROLES)):
        with pytest.raises(Misconfigured, match="PHOTOFINISH_PICTURE_PAIR") as refused:
            use(settings)
        assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (break_file("image.onnx"), "cannot load"),
        (break_file("text.onnx"), "cannot be loaded"),
        (break_file("tokenizer.json"), "cannot be loaded"),
        (change("dimensions = 3", "dimensions = 4"), "with 4 numbers a row"),
        (change("size = 32", "size = 32\noutput = 'other'"), "name the output of embeddings"),
        (change("size = 32", "size = 64"), "cannot run"),
    ],
)
def test_models_that_do_not_fit_are_refused_when_they_load(
    settings: ModelSettings, folder: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(folder)

    def load() -> None:
        load_pictures(settings)
        load_texts(settings)

    with pytest.raises(Misconfigured) as refused:
        load()
    assert sentence in str(refused.value)
