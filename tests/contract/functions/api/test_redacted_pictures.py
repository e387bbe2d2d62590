"""Each caller gets the rendition that they may see, over the real API with the real models."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from photofinish.adapters.memory.consents import MemoryConsents, MemorySuppressionList
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.analysis.imaging.placeholder import placeholder
from photofinish.analysis.imaging.rendition import thumbnail_picture, thumbnail_webp
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.application.commit import document_fields
from photofinish.application.previews import end_due_links
from photofinish.domain.access import Scope
from photofinish.domain.album_card import AlbumCard
from photofinish.domain.album_policy import AlbumPolicy, Redact, RedactionStyle
from photofinish.domain.consent import ConsentAction, ConsentStatement
from photofinish.domain.face import Face, face_id
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from photofinish.domain.redaction import Viewer
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.sidecar import preview_name, sidecar, thumbnail_name
from photofinish.errors import NotFound
from photofinish_functions.access.picture_links import PictureLink, PictureLinks
from photofinish_functions.refused import Refused
from support.access import TOKEN_SECRET
from support.api import Api, error_of, jpeg, selfie_of_group_member
from support.faces import photo
from support.index import VERSION, analysis
from support.pictures import group

PHOTO = photo("race/group.jpg")
PURPOSE = "finding race photos"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
# Of a face's pixels, where JPEG alone changes hardly any.
CHANGED, SAME = 0.8, 0.1


@dataclass
class Race:
    """An album with one photo of six people."""

    api: Api
    faces: tuple[Face, ...]
    consents: MemoryConsents
    runner: str
    """A key with scope `search`."""

    def policy(self, **changes: Any) -> None:
        self.api.cloud.album_policies.set_policy("race", AlbumPolicy(purpose=PURPOSE, **changes))

    def photo_link(self, key: str) -> str:
        answer = self.api.call("GET", f"/albums/race/photos/{PHOTO.photo_id}", key=key)
        url: str = answer.get_json()["renditions"]["preview"]["url"]
        return url

    def thumbnail_link(self, key: str) -> str:
        answer = self.api.call("GET", f"/albums/race/photos/{PHOTO.photo_id}", key=key)
        url: str = answer.get_json()["renditions"]["thumbnail"]["url"]
        return url

    def search_link(self, key: str, *selfies: bytes, **criteria: Any) -> str:
        [found] = self.api.search("race", *selfies, key=key, **criteria).get_json()["photos"]
        url: str = found["renditions"]["preview"]["url"]
        return url

    def hidden(self, url: str, **headers: str) -> list[bool]:
        """Whether each face is redacted in the picture that anyone gets who has this link."""
        return [share > CHANGED for share in self.changed(self.fetch(url))]

    def fetch(self, url: str) -> NDArray[np.uint8]:
        answer = self.api.client.get(urlsplit(url).path)
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        decoded = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(decoded, np.uint8)

    def changed(self, picture: NDArray[np.uint8]) -> list[float]:
        """Of each face: the share of its pixels that differ from the photo's."""
        height, width = picture.shape[:2]
        differs = (np.abs(picture.astype(int) - group()) > 12).any(axis=2)
        shares = []
        for face in self.faces:
            x, y, w, h = (round(value) for value in face.box.to_pixels(width, height))
            shares.append(float(differs[y : y + h, x : x + w].mean()))
        assert all(share > CHANGED or share < SAME for share in shares), shares
        return shares


@pytest.fixture
def race(api: Api, encoder: FaceEncoder) -> Race:
    [faces] = encoder.encode([group()])
    areas = tuple(face.box for face in faces)
    found = replace(analysis(faces), face_areas=areas, placeholder=placeholder(group(), areas))
    api.cloud.index.replace(PHOTO, VERSION, found)
    stored = StoredPhoto(ref=PHOTO, size_bytes=10, content_type="image/jpeg", uploaded_at=NOW)
    api.cloud.documents.record_queued(stored, event_at=NOW, trace_id="trace")
    fields = document_fields(PHOTO, sidecar(PHOTO, found, VERSION), has_renditions=True)
    api.cloud.documents.record_final(PHOTO, PhotoStatus.DONE, fields)
    derived = api.cloud.derived
    assert isinstance(derived, MemoryPhotoStore)
    derived.put_derived(preview_name(PHOTO, VERSION), jpeg(group()), "image/jpeg")
    derived.put_derived(thumbnail_name(PHOTO, VERSION), thumbnail_webp(thumbnail_picture(group())), "image/webp")
    api.cloud.consents = consents = MemoryConsents(MemorySuppressionList(MemoryFaceIndex()))
    return Race(api, faces, consents, api.key_for(Scope.SEARCH, frozenset({"race"})))


def consent(race: Race, face: Face, action: ConsentAction, at: datetime = NOW) -> None:
    if action is ConsentAction.GIVEN:
        race.consents.enrol("race", "ada", face.embedding)
    statement = ConsentStatement(action=action, purpose=PURPOSE, at=at, method="web form", text_version="1")
    race.consents.record("race", "ada", statement, by="test")


@pytest.mark.parametrize("style", RedactionStyle)
def test_others_see_no_face_and_organisers_see_all(race: Race, style: RedactionStyle) -> None:
    race.policy(redact=Redact.EVERYONE, redaction_style=style)
    assert race.hidden(race.photo_link(race.runner)) == [True] * 6
    for scope in (Scope.WRITE, Scope.ADMIN):
        assert race.hidden(race.photo_link(race.api.key_for(scope))) == [False] * 6


def test_a_thumbnail_is_the_redacted_preview_scaled_down(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    answer = race.api.client.get(urlsplit(race.thumbnail_link(race.runner)).path)
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")
    made = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR).astype(int)
    preview = thumbnail_picture(race.fetch(race.photo_link(race.runner))).astype(int)
    as_stored = thumbnail_picture(group()).astype(int)
    for face in race.faces:
        x, y, w, h = (round(value) for value in face.box.to_pixels(made.shape[1], made.shape[0]))
        place = np.s_[y : y + h, x : x + w]
        assert np.abs(made - preview)[place].mean() < 8 < 16 < np.abs(made - as_stored)[place].mean()
    organisers = race.api.client.get(urlsplit(race.thumbnail_link(race.api.key)).path)
    stored = thumbnail_name(PHOTO, VERSION)
    assert organisers.data == race.api.cloud.derived.read_derived(stored), "nothing is hidden, so it is not made again"
    derived = race.api.cloud.derived
    assert isinstance(derived, MemoryPhotoStore)
    del derived.derived[stored], race.api.cloud.renditions
    again = race.api.client.get(urlsplit(race.thumbnail_link(race.api.key)).path)
    assert (again.status_code, again.mimetype) == (200, "image/webp"), "of a photo that has none it is made"


def test_the_placeholder_shows_no_face_whatever_the_policy_is(race: Race) -> None:
    answers = [
        race.api.call("GET", f"/albums/race/photos/{PHOTO.photo_id}", key=race.runner).get_json(),
        race.api.search("race", selfie_of_group_member(race.faces[0]), key=race.runner).get_json()["photos"][0],
    ]
    picture = group()
    areas = tuple(face.box for face in race.faces)
    expected = base64.b64encode(placeholder(picture, areas)).decode()
    assert [answer["placeholder"] for answer in answers] == [expected] * 2
    assert expected != base64.b64encode(placeholder(picture, ())).decode()


def test_a_runner_sees_herself_and_no_one_else(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    url = race.search_link(race.runner, selfie_of_group_member(race.faces[1]))
    assert race.hidden(url) == [face is not race.faces[1] for face in race.faces]


def test_only_a_selfie_shows_a_face(race: Race) -> None:
    """A person who is found in another way is found, but not seen."""
    race.policy(redact=Redact.EVERYONE)
    person = race.api.cloud.people.create("race", name="Ada", by="test").person_id
    face = face_id(PHOTO, VERSION, 2)
    race.api.cloud.people_changes.confirm("race", person, [face], by="test")
    assert race.hidden(race.search_link(race.runner, person_id=person)) == [True] * 6
    with_a_selfie = race.search_link(race.runner, selfie_of_group_member(race.faces[1]), person_id=person)
    assert race.hidden(with_a_selfie) == [True] * 6
    cover = race.api.call("GET", "/albums/race/people", key=race.runner).get_json()["people"][0]["cover"]
    assert race.hidden(cover["renditions"]["preview"]["url"]) == [True] * 6


def test_withdrawn_consent_and_a_stricter_policy_apply_to_links_given_before(race: Race) -> None:
    race.policy(redact=Redact.WITHOUT_CONSENT)
    consent(race, race.faces[3], ConsentAction.GIVEN)
    url = race.photo_link(race.runner)
    path = urlsplit(url).path
    assert race.hidden(url) == [face is not race.faces[3] for face in race.faces]
    etag = race.api.client.get(path).headers["ETag"]
    assert race.api.client.get(path, headers={"If-None-Match": etag}).status_code == 304

    consent(race, race.faces[3], ConsentAction.WITHDRAWN, at=NOW + timedelta(seconds=1))
    again = race.api.client.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 200, "the browser's copy, in which the face is visible, is not valid any more"
    assert race.hidden(url) == [True] * 6

    consent(race, race.faces[3], ConsentAction.GIVEN, at=NOW + timedelta(seconds=2))
    assert race.hidden(url).count(False) == 1
    race.policy(redact=Redact.EVERYONE)
    assert race.hidden(url) == [True] * 6


def test_an_erased_or_unindexed_face_stays_redacted(race: Race) -> None:
    race.policy(redact=Redact.WITHOUT_CONSENT)
    documents = race.api.cloud.documents
    record = documents.get("race", PHOTO.photo_id)
    assert record is not None
    left, gone = record.fields["faces"][:1], record.fields["faces"][1:]
    fields = dict(record.fields) | {"faces": left, "pipeline_version": "2.later"}
    documents.record_final(PHOTO, PhotoStatus.DONE, fields)
    assert race.hidden(race.photo_link(race.runner)) == [True] * 6
    # Photos that were analysed before there were areas have only the boxes of withheld faces.
    withheld = {"face_areas": None, "withheld_faces": [{"box": face["box"]} for face in gone]}
    documents.record_final(PHOTO, PhotoStatus.DONE, fields | withheld | {"pipeline_version": "3.later"})
    assert race.hidden(race.photo_link(race.runner)) == [True] * 6


def test_no_answer_links_to_the_bucket(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    person = race.api.cloud.people.create("race", name="Ada", by="test").person_id
    race.api.cloud.people_changes.confirm("race", person, [face_id(PHOTO, VERSION, 2)], by="test")
    photo_path = f"/albums/race/photos/{PHOTO.photo_id}"
    answers = [race.api.call("GET", path, key=race.runner) for path in ("/albums/race/photos", photo_path)]
    answers.append(race.api.call("GET", "/albums/race/people", key=race.runner))
    answers.append(race.api.search("race", selfie_of_group_member(race.faces[0]), key=race.runner))
    for answer in answers:
        urls = re.findall(r'"url":\s*"([^"]+)"', json.dumps(answer.get_json()))
        assert urls
        assert all(urlsplit(url).path.startswith("/v1/pictures/") for url in urls)
        assert "derived" not in answer.text


def test_where_only_results_are_kept_nothing_links_to_a_preview(race: Race) -> None:
    given_before = race.photo_link(race.runner)
    assert urlsplit(given_before).path.startswith("/derived/")
    race.policy(keep_originals=False)
    answers = [
        race.api.call("GET", f"/albums/race/photos/{PHOTO.photo_id}", key=race.runner).get_json(),
        race.api.search("race", selfie_of_group_member(race.faces[0]), key=race.runner).get_json()["photos"][0],
    ]
    assert [answer["renditions"] for answer in answers] == [{"preview": None, "thumbnail": None}] * 2


def test_a_picture_has_a_file_name_with_its_suffix(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    for link, name in ((race.photo_link(race.runner), "group.jpg"), (race.thumbnail_link(race.runner), "group.webp")):
        answer = race.api.client.get(urlsplit(link).path)
        assert answer.headers["Content-Disposition"] == f"inline; filename=\"{name}\"; filename*=UTF-8''{name}"
    answer = race.api.call("GET", f"/albums/race/photos/{PHOTO.photo_id}/download?size=web", key=race.runner)
    saved = race.api.client.get(urlsplit(answer.headers["Location"])._replace(scheme="", netloc="").geturl())
    assert saved.status_code == 200
    assert saved.headers["Content-Disposition"] == "attachment; filename=\"group.jpg\"; filename*=UTF-8''group.jpg"


def test_a_link_cannot_be_changed_guessed_or_used_late(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    path = urlsplit(race.photo_link(race.runner)).path
    organisers = urlsplit(race.photo_link(race.api.key)).path
    for changed in (
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        organisers.rpartition(".")[0] + "." + path.rpartition(".")[2],  # the organiser's statement, my signature
        path.rpartition(".")[0],
        "/v1/pictures/.",
        "/v1/pictures/%00.%F0",
    ):
        assert error_of(race.api.client.get(changed)) == (404, "unknown_link"), changed
    link = PictureLink(album="race", photo_id=PHOTO.photo_id, viewer=Viewer(is_organiser=True), expires_at_s=0)
    late = PictureLinks(SecretVersions.parse(TOKEN_SECRET)).token(link)
    assert error_of(race.api.client.get(f"/v1/pictures/{late}")) == (404, "unknown_link")
    other_key = PictureLinks(SecretVersions.parse("x" * 32)).token(replace(link, expires_at_s=2**40))
    assert error_of(race.api.client.get(f"/v1/pictures/{other_key}")) == (404, "unknown_link")


def test_links_stay_valid_until_the_previous_secret_is_removed() -> None:
    link = PictureLink(album="race", photo_id=PHOTO.photo_id, viewer=Viewer(is_organiser=True), expires_at_s=2**40)
    new, old = "n" * 32, TOKEN_SECRET
    both = PictureLinks(SecretVersions.parse(f"{new},{old}"))
    token = PictureLinks(SecretVersions.parse(old)).token(link)
    assert both.read(token) == link
    only_new = PictureLinks(SecretVersions.parse(new))
    assert only_new.read(both.token(link)) == link
    with pytest.raises(Refused, match="not complete or has expired"):
        only_new.read(token)


def test_ended_links_find_nothing_and_pictures_are_shown_as_before(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    store = race.api.cloud.derived
    assert isinstance(store, MemoryPhotoStore)
    policies = race.api.cloud.album_policies
    [began_at] = policies.links_to_end().values()
    assert [end_due_links(began_at, policies, store) for _ in range(2)] == [2, 0], "preview and thumbnail"
    assert policies.links_to_end(), "a photo that is analysed again gets its old name back until all links expired"
    assert end_due_links(began_at + timedelta(hours=1), policies, store) == 0
    assert policies.links_to_end() == {}
    for name in (preview_name(PHOTO, VERSION), thumbnail_name(PHOTO, VERSION)):
        with pytest.raises(NotFound):
            store.read_derived(name)
    assert race.hidden(race.photo_link(race.runner)) == [True] * 6
    race.policy(redact=Redact.NONE)
    assert race.hidden(race.photo_link(race.runner)) == [False] * 6, "no link to the old name in the bucket is given"


def test_without_redaction_links_lead_to_the_bucket(race: Race) -> None:
    assert urlsplit(race.photo_link(race.runner)).path == f"/derived/{preview_name(PHOTO, VERSION)}"
    assert urlsplit(race.thumbnail_link(race.runner)).path == f"/derived/{thumbnail_name(PHOTO, VERSION)}"


def test_a_watermark_is_drawn_for_everyone_but_organisers(race: Race) -> None:
    race.api.cloud.album_cards.set_card("race", AlbumCard(watermark="© Müller"))
    url = race.photo_link(race.runner)
    assert urlsplit(url).path.startswith("/v1/pictures/"), "no link to the bucket, where the picture has no watermark"
    marked = np.abs(race.fetch(url).astype(int) - group()) > 30
    assert 0.01 < marked.any(axis=2).mean() < 0.3, "letters all over, and the photo between them"
    assert urlsplit(race.photo_link(race.api.key)).path == f"/derived/{preview_name(PHOTO, VERSION)}"
    path = urlsplit(race.thumbnail_link(race.runner)).path
    thumbnail = race.api.client.get(path)
    assert (thumbnail.status_code, thumbnail.mimetype) == (200, "image/webp")
    assert thumbnail.data != race.api.cloud.derived.read_derived(thumbnail_name(PHOTO, VERSION))

    race.api.cloud.album_cards.set_card("race", AlbumCard())
    again = race.api.client.get(path, headers={"If-None-Match": thumbnail.headers["ETag"]})
    assert again.data == race.api.cloud.derived.read_derived(thumbnail_name(PHOTO, VERSION)), "links follow the card"


def test_faces_are_redacted_under_the_watermark(race: Race) -> None:
    race.policy(redact=Redact.EVERYONE)
    race.api.cloud.album_cards.set_card("race", AlbumCard(watermark="© Müller"))
    both = race.fetch(race.photo_link(race.runner))
    assert [share > CHANGED for share in race.changed(both)] == [True] * 6
    assert race.hidden(race.photo_link(race.api.key)) == [False] * 6
