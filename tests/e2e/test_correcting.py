"""A wrong number is corrected by the command, and stays so through other rules and another analysis, until undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import LocalCloud, wait_for
from photofinish_cli.sample_album import SampleAlbum

pytestmark = pytest.mark.timeout(300)
ALBUM = "corrected"
RIGHT = "31337"


def found(cloud: LocalCloud, number: str) -> list[str]:
    """The photos that show a number; those where it is only inferred for a face are left out."""
    answer = cloud.command("find", ALBUM, "--bib", number, "--json", check=False)
    photos = json.loads(answer.stdout)["photos"]
    return sorted(photo["photo"]["name"] for photo in photos if not photo["bib"]["inferred"])


def numbers(cloud: LocalCloud, name: str) -> dict[str, bool]:
    """Number → whether it was set by hand, as the photo's document has them."""
    fields = cloud.json("show", ALBUM, name)
    shown = {bib["number"]: bib["by_hand"] for bib in fields["bibs"]}
    assert sorted(shown) == fields["bib_numbers"]
    return shown


def test_a_wrong_number_is_corrected_for_good_and_undone(
    cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path
) -> None:
    photos = [photo for photo in sample_album.photos if not photo.is_blurry][:3]
    cloud.json("drop", *(str(photo.path) for photo in photos), "--album", ALBUM, "--wait")
    read = {photo.path.name: numbers(cloud, photo.path.name) for photo in photos}
    name = next(name for name, there in read.items() if there)
    wrong = next(iter(read[name]))
    photo = f"{ALBUM}/{name}"
    assert photo in found(cloud, wrong)

    said = cloud.command("bib", ALBUM, name, wrong, RIGHT)
    assert RIGHT in said.stdout
    assert "undoes this" in said.stderr
    assert photo not in found(cloud, wrong)
    assert found(cloud, RIGHT) == [photo]
    assert numbers(cloud, name)[RIGHT] is True
    assert "by hand" in cloud.command("show", ALBUM, name).stdout

    # A start list with none of the numbers: what was read goes, what was corrected stays.
    listed = tmp_path / "runners.csv"
    listed.write_text("98765,Another Runner\n")
    changed = cloud.command("rules", ALBUM, "--start-list", str(listed)).stdout
    count = sum(len(there) for there in read.values()) - 1
    assert f"{len(photos)} photos read again: {count} number" in changed, changed
    assert [numbers(cloud, photo.path.name) for photo in photos if photo.path.name != name] == [{}, {}]
    assert numbers(cloud, name) == {RIGHT: True}
    assert found(cloud, RIGHT) == [photo]
    back = cloud.json("rules", ALBUM, "--usual")["rescoring"]
    assert (back["photos"], back["added"], back["remaining"]) == (len(photos), count, 0)
    assert {one: set(numbers(cloud, one)) for one in read} == {
        one: set(there) - ({wrong} if one == name else set()) | ({RIGHT} if one == name else set())
        for one, there in read.items()
    }

    analysed_at = cloud.json("show", ALBUM, name)["done_at"]
    assert cloud.json("reconcile", "--album", ALBUM, "--again")["queued"] == len(photos)

    def analysed_again() -> Any:
        fields = cloud.json("show", ALBUM, name)
        return fields if fields["status"] == "done" and fields["done_at"] > analysed_at else None

    wait_for(analysed_again, "another analysis", 150)
    assert numbers(cloud, name)[RIGHT] is True
    assert wrong not in numbers(cloud, name)

    [operation] = cloud.json("bib", ALBUM, "--history")["operations"]
    assert (operation["instead_of"], operation["number"]) == (wrong, RIGHT)
    undone = cloud.json("bib", ALBUM, "--undo", str(operation["operation_id"]))
    assert wrong in [bib["number"] for bib in undone["bibs"]]
    assert numbers(cloud, name) == read[name]
    assert photo in found(cloud, wrong)
    assert found(cloud, RIGHT) == []
    listed_operations = cloud.command("bib", ALBUM, "--history").stdout
    assert f"{wrong} → {RIGHT}" in listed_operations


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what is wrong"),
        (["IMG.jpg", "1"], "give two numbers"),
        (["IMG.jpg", "--add", "1", "--remove", "2"], "one correction at a time"),
        (["--add", "1"], "needs a photo"),
        (["IMG.jpg", "--undo", "1"], "needs a photo"),
        (["IMG.jpg", "--move", "1", "FACE", "--face", "FACE"], "--move names the face"),
    ],
)
def test_the_command_says_how_to_use_it(cloud: LocalCloud, arguments: list[str], sentence: str) -> None:
    result = cloud.command("bib", ALBUM, *arguments, check=False)
    assert result.returncode == 2
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
