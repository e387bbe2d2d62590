"""What an app does with the client that openapi-python-client generated: api_smoke.py URL KEY SELFIE.

The album `race` has two photos; the selfie shows the person of one of them. `photofinish_client` is importable.
"""

import io
import sys

from photofinish_client import AuthenticatedClient
from photofinish_client.api.access import set_album_access
from photofinish_client.api.faces import compare
from photofinish_client.api.people import create_person, delete_person, list_people, rename_person
from photofinish_client.api.photos import list_albums, list_photos, show_photo
from photofinish_client.api.search import search, search_bib
from photofinish_client.api.service import health
from photofinish_client.models import (
    AlbumAccessInput,
    CompareBody,
    ErrorAnswer,
    NewPerson,
    PhotoStatus,
    Renaming,
    SearchBody,
    SearchFilesBody,
)
from photofinish_client.types import File

url, key, selfie_path = sys.argv[1:]
with open(selfie_path, "rb") as file:
    selfie = file.read()


def picture() -> File:
    return File(payload=io.BytesIO(selfie), file_name="me.jpg", mime_type="image/jpeg")


with AuthenticatedClient(base_url=url, token=key) as client:
    assert health.sync(client=client).status == "ok"
    assert [album.album for album in list_albums.sync(client=client).albums] == ["race"]

    # page by page
    names, cursor = [], {}
    while True:
        page = list_photos.sync("race", client=client, status=PhotoStatus.DONE, limit=1, **cursor)
        names += [one.photo.name for one in page.photos]
        if page.next_cursor is None:
            break
        cursor = {"cursor": page.next_cursor}
    assert names == ["race/1.jpg", "race/2.jpg"], names
    shown = show_photo.sync("race", page.photos[0].photo.photo_id, client=client)
    assert shown.status is PhotoStatus.DONE
    assert shown.faces[0].box.w > 0

    # a search by JSON, by path and by a form with a picture
    found = search.sync("race", client=client, body=SearchBody(bib="42", limit=5))
    assert [one.photo.name for one in found.photos] == ["race/1.jpg"]
    assert found.photos[0].bib.inferred is False
    assert search_bib.sync("race", "42", client=client).photos[0].score == found.photos[0].score
    found = search.sync("race", client=client, body=SearchFilesBody(selfie=[picture()], limit=5))
    assert found.photos[0].photo.name == "race/1.jpg"
    assert 0 < found.photos[0].face.box.h < 1
    assert compare.sync(client=client, body=CompareBody(picture=[picture(), picture()])).is_match

    # changes, an answer without a body, and null
    person = create_person.sync("race", client=client, body=NewPerson(name="Ada")).person
    assert rename_person.sync("race", person.person_id, client=client, body=Renaming(name=None)).name is None
    assert person.person_id in {one.person_id for one in list_people.sync("race", client=client).people}
    assert delete_person.sync_detailed("race", person.person_id, client=client).status_code == 202
    access = set_album_access.sync("race", client=client, body=AlbumAccessInput(users_may_search=True))
    assert access.users_may_search
    assert not access.users_may_browse

    # errors are answers, too
    unknown = show_photo.sync_detailed("race", "0" * 32, client=client, x_request_id="smoke-test-1")
    assert unknown.status_code == 404
    assert isinstance(unknown.parsed, ErrorAnswer)
    assert unknown.parsed.error.code == "unknown_photo"
    assert unknown.headers["X-Request-Id"] == unknown.parsed.error.request_id == "smoke-test-1"
print("ok")
