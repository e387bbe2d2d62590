"""Assign the faces of an album to people: decisions of users stay, all other faces are clustered by similarity."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.application.people.linkage import Faces, Group, Linkage, cluster
from photofinish.domain.album_clusters import AlbumSpace, Assignment

# A single face is not assigned until another photo shows the same person.
MIN_CLUSTER_FACES = 2
# An album of up to so many faces is always clustered from scratch, which takes about a second.
ALWAYS_FULL_FACES = 5_000
# Faces of a lower quality are similar to many others. On photos of runners, where clearly visible faces are above 0.5,
# every minimum from 0.2 to 0.5 gives the same clusters; without one a quarter more appear, of people in the background.
MIN_QUALITY = 0.4
_MIN_WEIGHT = 0.05


def assign(
    space: AlbumSpace,
    linkage: Linkage,
    *,
    full: bool,
    min_quality: float = MIN_QUALITY,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> Assignment:
    """Cluster an album's faces.

    `full` starts from decided and single faces; otherwise earlier clusters stay together and new faces join or form
    clusters, so that the result depends on the order of photos. Faces below `min_quality` are left out unless they are
    decided. A person found again keeps their id: the most frequent one among the cluster's faces.
    """
    rows, groups = _groups(space, full=full, min_quality=min_quality)
    if not groups:
        return Assignment(person_of={}, new_people=frozenset())
    labels = cluster(rows, groups, linkage)
    return _named(space, groups, labels, new_id)


def _groups(space: AlbumSpace, *, full: bool, min_quality: float) -> tuple[Faces, list[Group]]:
    """The groups to start with; rows after the album's faces are the enrolled ones."""
    row_of = {face.face_id: row for row, face in enumerate(space.faces)}
    decided: dict[str, list[int]] = defaultdict(list)
    found_before: dict[str, list[int]] = defaultdict(list)
    alone: list[int] = []
    for row, face in enumerate(space.faces):
        if face.person_id is not None and face.is_decided:
            decided[face.person_id].append(row)
        elif face.quality >= min_quality:
            if full or face.person_id is None:
                alone.append(row)
            else:
                found_before[face.person_id].append(row)
    for number, enrolled in enumerate(space.enrolled):
        decided[enrolled.person_id].append(len(space.faces) + number)
    groups = []
    for person_id in sorted(decided):
        refused = frozenset(
            row_of[face_id] for face_id in space.rejected.get(person_id, frozenset()) if face_id in row_of
        )
        own = [*decided[person_id], *found_before.pop(person_id, [])]
        groups.append(Group(rows=tuple(own), person=person_id, refused=refused))
    groups += [Group(rows=tuple(found_before[person_id])) for person_id in sorted(found_before)]
    groups += [Group(rows=(row,)) for row in alone]

    vectors = space.vectors
    if space.enrolled_vectors is not None:
        vectors = np.concatenate([vectors, space.enrolled_vectors])
    qualities = [face.quality for face in space.faces] + [face.quality for face in space.enrolled]
    photos = [face.photo for face in space.faces] + [-1] * len(space.enrolled)
    weights = np.maximum(np.array(qualities, np.float32), np.float32(_MIN_WEIGHT))
    return Faces(vectors=vectors, weights=weights, photos=np.array(photos, np.int64)), groups


def _named(
    space: AlbumSpace, groups: Sequence[Group], labels: NDArray[np.int64], new_id: Callable[[], str]
) -> Assignment:
    members: dict[int, list[int]] = defaultdict(list)
    person_of_label: dict[int, str] = {}
    for group, label in zip(groups, labels.tolist(), strict=True):
        members[label] += [row for row in group.rows if row < len(space.faces)]
        if group.person is not None:
            person_of_label[label] = group.person
    nameless = {
        label: rows
        for label, rows in members.items()
        if label not in person_of_label and len(rows) >= MIN_CLUSTER_FACES
    }
    reused = _ids_found_again(space, nameless, taken=set(person_of_label.values()))
    new = {label: new_id() for label in nameless if label not in reused}
    person_of_label |= reused | new
    person_of = {
        space.faces[row].face_id: person_of_label[label]
        for label, rows in members.items()
        if label in person_of_label
        for row in rows
        if not space.faces[row].is_decided
    }
    return Assignment(person_of=person_of, new_people=frozenset(new.values()))


def _ids_found_again(space: AlbumSpace, clusters: Mapping[int, Sequence[int]], taken: set[str]) -> dict[int, str]:
    """Cluster → former person id, for clusters that have one: the largest overlaps first, each id once."""
    overlaps = [
        (-count, person_id, label)
        for label, rows in clusters.items()
        for person_id, count in Counter(space.faces[row].person_id for row in rows).items()
        if person_id is not None
    ]
    ids: dict[int, str] = {}
    for _, person_id, label in sorted(overlaps):
        if person_id not in taken and label not in ids:
            ids[label] = person_id
            taken.add(person_id)
    return ids
