"""The whole way of what photos show: analysed by a task, kept in every store, found by words, erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import skimage.data

from e2e.conftest import LocalCloud, wait_for
from photofinish.domain.depiction import depiction_of
from photofinish.domain.photo import PhotoRef

pytestmark = pytest.mark.timeout(240)
PICTURES = {"animals/IMG_1.png": "chelsea.png", "drinks/IMG_2.png": "coffee.png", "people/IMG_3.png": "camera.png"}
ALBUM = "things"


@pytest.fixture(scope="module")
def photos(cloud: LocalCloud) -> dict[str, PhotoRef]:
    folder = Path(skimage.data.__file__).parent
    refs = {
        name: cloud.upload(f"{ALBUM}/{name}", (folder / file).read_bytes(), "image/png")
        for name, file in PICTURES.items()
    }
    assert [fields["status"] for fields in cloud.final_documents(list(refs.values()))] == ["done"] * len(refs)
    return refs


def found(cloud: LocalCloud, about: str, *options: str) -> list[dict[str, Any]]:
    answer = cloud.command("find", ALBUM, "--about", about, "--json", *options, check=False)
    return list(json.loads(answer.stdout)["photos"])


@pytest.mark.parametrize(
    ("about", "name"),
    [("a cat", "animals/IMG_1.png"), ("eine Tasse Kaffee", "drinks/IMG_2.png"), ("trépied", "people/IMG_3.png")],
)
def test_photos_are_found_by_what_they_show(
    cloud: LocalCloud, photos: dict[str, PhotoRef], about: str, name: str
) -> None:
    best = found(cloud, about)[0]
    assert best["photo"]["name"] == f"{ALBUM}/{name}"
    assert best["depiction"]["labels"]
    assert {part["part"] for part in best["parts"]} >= {"words", "vision"}
    table = cloud.command("find", ALBUM, "--about", about).stdout
    assert f"shows {best['depiction']['labels'][0]['name']}" in table


def test_all_stores_have_it_and_it_can_be_rebuilt(cloud: LocalCloud, photos: dict[str, PhotoRef]) -> None:
    cat = photos["animals/IMG_1.png"]
    fields = cloud.document(cat)
    assert fields is not None
    stored = depiction_of(json.loads(cloud.derived_bucket.blob(fields["sidecar"]).download_as_bytes())["depiction"])
    assert "cat" in stored.labels[0].name
    cloud.sql("DELETE FROM depiction WHERE photo_id = %s RETURNING 1", cat.photo_id)
    assert "depiction_differs" in cloud.command("check", ALBUM, "--settled", "0", check=False).stdout
    cloud.command("rebuild", "index", ALBUM)
    assert found(cloud, "a cat")[0]["photo"]["name"] == cat.name


def test_queries_of_a_file_are_measured(cloud: LocalCloud, photos: dict[str, PhotoRef], tmp_path: Path) -> None:
    file = tmp_path / "queries.csv"
    file.write_text("query,relevant,group\na cat,animals/IMG_1.png,en\neine Katze,animals/IMG_1.png,de\n")
    measured = cloud.json("evaluate", "--search", str(file), "--album", ALBUM)["search"]
    by_signal = {one["signal"]: one["ndcg"] for one in measured if one["group"] == ""}
    assert (by_signal["vision"], by_signal["mix"], by_signal["words"]) == (1, 1, 0)


def test_what_an_erased_photo_showed_is_gone(cloud: LocalCloud, photos: dict[str, PhotoRef]) -> None:
    coffee = photos["drinks/IMG_2.png"]
    cloud.command("erase", "photo", ALBUM, coffee.photo_id, "--yes")
    gone = lambda: cloud.sql("SELECT count(*) FROM depiction WHERE photo_id = %s", coffee.photo_id) == [(0,)]  # noqa: E731
    wait_for(gone, "the erasure of what the photo showed")
    assert coffee.name not in [one["photo"]["name"] for one in found(cloud, "a cup of coffee")]
