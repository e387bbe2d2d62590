"""Which faces a caller sees."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.album_policy import Redact
from photofinish.domain.geometry import Box
from photofinish.domain.redaction import Viewer, is_same_face, redacted_areas, sees_everything, visible_faces

ids = st.frozensets(st.sampled_from("abcdefgh"))
policies = st.sampled_from(Redact)
viewers = st.builds(Viewer, is_organiser=st.booleans(), own_faces=ids)
others = st.builds(Viewer, is_organiser=st.just(False), own_faces=ids)
boxes = st.builds(Box, st.floats(-0.1, 0.9), st.floats(-0.1, 0.9), st.floats(0.01, 0.3), st.floats(0.01, 0.3))
photos = st.dictionaries(st.sampled_from("abcdefgh"), boxes)


@given(policies, viewers, ids, ids)
def test_nothing_but_faces_of_the_photo_is_visible(
    redact: Redact, viewer: Viewer, faces: frozenset[str], consenting: frozenset[str]
) -> None:
    assert visible_faces(redact, viewer, faces, with_consent=consenting) <= faces


@given(policies, ids, ids)
def test_organisers_see_everything(redact: Redact, faces: frozenset[str], consenting: frozenset[str]) -> None:
    organiser = Viewer(is_organiser=True)
    assert sees_everything(redact, organiser)
    assert visible_faces(redact, organiser, faces, with_consent=consenting) == faces


@given(others, ids, ids)
def test_a_runner_sees_herself_and_nobody_else(
    viewer: Viewer, faces: frozenset[str], consenting: frozenset[str]
) -> None:
    assert visible_faces(Redact.EVERYONE, viewer, faces, with_consent=consenting) == faces & viewer.own_faces


@given(others, ids, ids)
def test_consent_shows_a_face_only_where_the_policy_asks_for_it(
    viewer: Viewer, faces: frozenset[str], consenting: frozenset[str]
) -> None:
    visible = visible_faces(Redact.WITHOUT_CONSENT, viewer, faces, with_consent=consenting)
    assert visible == faces & (viewer.own_faces | consenting)


@given(policies, viewers, ids, ids, ids)
def test_withdrawing_consent_shows_no_more(
    redact: Redact, viewer: Viewer, faces: frozenset[str], consenting: frozenset[str], withdrawn: frozenset[str]
) -> None:
    before = visible_faces(redact, viewer, faces, with_consent=consenting)
    assert visible_faces(redact, viewer, faces, with_consent=consenting - withdrawn) <= before


@given(photos, st.lists(boxes), ids)
def test_every_hidden_face_is_redacted_and_every_area_is_a_visible_face_or_redacted(
    faces: dict[str, Box], areas: list[Box], visible: frozenset[str]
) -> None:
    redacted = redacted_areas(areas, faces, visible)
    assert {box for face, box in faces.items() if face not in visible} <= set(redacted)
    shown = [box for face, box in faces.items() if face in visible]
    for area in areas:
        assert area in redacted or any(is_same_face(area, box) for box in shown)


@given(photos, st.lists(boxes), ids)
def test_an_erased_face_stays_redacted(faces: dict[str, Box], areas: list[Box], erased: frozenset[str]) -> None:
    """Its box is no face any more, but it is still an area of the photo."""
    areas = [*areas, *faces.values()]
    left = {face: box for face, box in faces.items() if face not in erased}
    before, after = redacted_areas(areas, faces, ()), redacted_areas(areas, left, ())
    assert set(after) == set(before)


@given(boxes, boxes)
def test_one_face_is_the_same_in_either_order(one: Box, other: Box) -> None:
    assert is_same_face(one, one)
    assert is_same_face(one, other) == is_same_face(other, one)
