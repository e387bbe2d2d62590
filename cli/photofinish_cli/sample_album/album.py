"""The sample album: who runs where, and the truth about every photo."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from photofinish_cli.sample_album.clip import write_clip
from photofinish_cli.sample_album.faces import FACE_COUNT, portrait
from photofinish_cli.sample_album.files import MAKE, write_bad_files, write_photo
from photofinish_cli.sample_album.photo import Appearance, Participant, Shot, take_photo
from photofinish_cli.sample_album.runner import Outfit
from photofinish_cli.sample_album.scene import Place

_START = datetime(2026, 5, 17, 9, 41, 7)
_MODELS = ("Course Camera 1", "Course Camera 2")
_RED, _BLUE, _TEAL, _YELLOW = (0.80, 0.13, 0.12), (0.10, 0.28, 0.62), (0.05, 0.50, 0.50), (0.95, 0.76, 0.10)
_PINK, _WHITE, _LIME, _ORANGE = (0.86, 0.24, 0.46), (0.90, 0.90, 0.90), (0.62, 0.80, 0.16), (0.94, 0.45, 0.10)
_BLACK, _NAVY, _PURPLE = (0.09, 0.09, 0.11), (0.08, 0.12, 0.28), (0.38, 0.18, 0.55)
_OUTFITS = (
    Outfit(shirt=_TEAL, trim=_NAVY, shorts=_BLACK, shoes=_ORANGE, sleeves=True, tights=False),
    Outfit(shirt=_RED, trim=_BLACK, shorts=_BLACK, shoes=_WHITE, sleeves=False, tights=False),
    Outfit(shirt=_BLUE, trim=_NAVY, shorts=_NAVY, shoes=_LIME, sleeves=True, tights=False),
    Outfit(shirt=_PINK, trim=_PURPLE, shorts=_BLACK, shoes=_PINK, sleeves=False, tights=True),
    Outfit(shirt=_YELLOW, trim=_BLUE, shorts=_BLUE, shoes=_RED, sleeves=False, tights=False),
    Outfit(shirt=_PURPLE, trim=_TEAL, shorts=_BLACK, shoes=_TEAL, sleeves=True, tights=True),
    Outfit(shirt=_WHITE, trim=_RED, shorts=_RED, shoes=_BLUE, sleeves=False, tights=False),
)
_PARK = Place(
    houses=False, arch_m=None, sky=(0.36, 0.56, 0.85), haze=(0.83, 0.87, 0.90), foliage=(0.20, 0.36, 0.13), brand=_BLUE
)
_STREET = Place(
    houses=True, arch_m=None, sky=(0.45, 0.62, 0.86), haze=(0.88, 0.88, 0.87), foliage=(0.24, 0.36, 0.16), brand=_RED
)
_FINISH = Place(
    houses=True, arch_m=26.0, sky=(0.34, 0.54, 0.84), haze=(0.86, 0.87, 0.88), foliage=(0.22, 0.36, 0.15), brand=_RED
)
_PARK_FINISH = Place(
    houses=False, arch_m=24.0, sky=(0.40, 0.58, 0.84), haze=(0.85, 0.87, 0.88), foliage=(0.22, 0.38, 0.14), brand=_BLUE
)
# One round of the album; a longer album begins again.
_SHOTS = (
    Shot(place=_FINISH, runners=3),
    Shot(place=_PARK, runners=2),
    Shot(place=_STREET, runners=1, width=1224, height=1632, orientation=6),
    Shot(place=_PARK, runners=4, width=4000, height=3000, share=0.60),
    Shot(place=_STREET, runners=2),
    Shot(place=_PARK, runners=1, width=640, height=480, share=1.0),
    Shot(place=_FINISH, runners=2, suffix=".png", width=1280, height=960),
    Shot(place=_STREET, runners=3),
    Shot(place=_PARK, runners=1, motion_blur=True),
    Shot(place=_STREET, runners=2, suffix=".webp"),
    Shot(place=_PARK_FINISH, runners=3),
    Shot(place=_STREET, runners=2, orientation=3),
    Shot(place=_PARK, runners=2, suffix=".heic", width=1280, height=960),
    Shot(place=_FINISH, runners=4, width=1920, height=1280, share=0.64),
    Shot(place=_PARK, runners=2, defocus=True),
    Shot(place=_STREET, runners=1, share=0.85),
    Shot(place=_PARK_FINISH, runners=2, suffix=".tif", width=1024, height=768, share=0.8),
    Shot(place=_PARK, runners=2, width=1224, height=1632, orientation=8, share=0.56),
    Shot(place=_FINISH, runners=2),
    Shot(place=_STREET, runners=3, width=1920, height=1280),
    Shot(place=_PARK, runners=1, width=800, height=600, share=0.9),
    Shot(place=_PARK_FINISH, runners=2),
    Shot(place=_STREET, runners=2, width=2400, height=1600),
    Shot(place=_FINISH, runners=3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePerson:
    """A runner in the sample album."""

    person: str
    bib_number: str
    selfie: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePhoto:
    """One photo and what is on it."""

    path: Path
    width: int
    height: int
    taken_at: datetime
    camera: str
    runners: tuple[Appearance, ...]
    is_blurry: bool
    """Whether the runners were made unsharp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAlbum:
    """What :func:`make_sample_album` made."""

    folder: Path
    photos: tuple[SamplePhoto, ...]
    people: tuple[SamplePerson, ...]
    bad_files: tuple[Path, ...]
    clip: Path | None = None
    """A film of the first runners."""

    @property
    def photos_folder(self) -> Path:
        """The folder to drop."""
        return self.folder / "photos"


def make_sample_album(
    target: Path, *, photos: int = 24, seed: int = 1, with_bad_files: bool = False, with_clip: bool = False
) -> SampleAlbum:
    """Draw a race and write it to `target`: `photos/`, `selfies/` and `truth.json`.

    The same `photos` and `seed` give the same files, and a longer album begins with the shorter one. Boxes in
    `truth.json` are x, y, width, height as fractions of the upright image. `with_bad_files` adds `photos/damaged/`,
    `with_clip` a film of two of the photos, `photos/finish.mp4`.

    Raises:
        Misconfigured: a package that carries the faces is not installed.
    """
    people = _participants(np.random.default_rng([seed, 0]))
    selfies = target / "selfies"
    selfies.mkdir(parents=True, exist_ok=True)
    sample_people = tuple(
        SamplePerson(person=runner.person, bib_number=runner.bib_number, selfie=selfies / f"{runner.person}.jpg")
        for runner in people
    )
    rng = np.random.default_rng([seed, 1])
    for runner, sample in zip(people, sample_people, strict=True):
        pixels = portrait(
            runner.face, tilt_deg=float(rng.uniform(6, 8)), brightness=float(rng.uniform(0.85, 1.0)), size_px=400
        )
        Image.fromarray(pixels).save(sample.selfie, quality=90)

    folder = target / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    casts = _casts(people, np.random.default_rng([seed, 2]))
    taken = tuple(
        _make_photo(folder, index, next_cast, np.random.default_rng([seed, 3, index]))
        for index, next_cast in zip(range(photos), casts, strict=False)
    )
    jpeg = next((photo.path for photo in taken if photo.path.suffix == ".jpg"), sample_people[0].selfie)
    bad_files = write_bad_files(folder / "damaged", jpeg) if with_bad_files else ()
    clip = _make_clip(folder, taken) if with_clip else None
    album = SampleAlbum(folder=target, photos=taken, people=sample_people, bad_files=bad_files, clip=clip)
    truth = json.dumps(_truth(album, seed), indent=2, sort_keys=True)
    (target / "truth.json").write_text(truth + "\n", encoding="utf-8")
    return album


def _make_clip(folder: Path, photos: Sequence[SamplePhoto]) -> Path | None:
    """Of the first two sharp photos with runners that are wider than high; None where there are no two."""
    fitting = [one for one in photos if one.runners and not one.is_blurry and one.width > one.height]
    shown = [one.path for one in fitting if one.path.suffix == ".jpg"][:2]
    if len(shown) < 2:
        return None
    path = folder / "finish.mp4"
    write_clip(path, shown)
    return path


def _participants(rng: np.random.Generator) -> list[Participant]:
    numbers: list[str] = []
    for digits in (3, 4, 2, 3, 4, 3, 4):
        while (number := str(rng.integers(10 ** (digits - 1), 10**digits))) in numbers:
            continue
        numbers.append(number)
    return [
        Participant(person=f"runner-{number}", bib_number=number, face=face, outfit=outfit)
        for face, number, outfit in zip(range(FACE_COUNT), numbers, _OUTFITS, strict=True)
    ]


def _casts(people: list[Participant], rng: np.random.Generator) -> Iterator[list[Participant]]:
    """Which runners are on each photo: all take turns, in changing groups."""
    queue = list(people)
    for index in range(10**6):
        cast: list[Participant] = []
        while len(cast) < _SHOTS[index % len(_SHOTS)].runners:
            waiting = next(position for position, runner in enumerate(queue) if runner not in cast)
            cast.append(queue.pop(waiting))
            if len(queue) < 4:
                queue += [people[int(position)] for position in rng.permutation(len(people))]
        yield cast


def _make_photo(folder: Path, index: int, cast: list[Participant], rng: np.random.Generator) -> SamplePhoto:
    shot = _SHOTS[index % len(_SHOTS)]
    picture, runners = take_photo(shot, cast, rng)
    path = folder / f"IMG_{index + 1:04d}{shot.suffix}"
    taken_at = _START + timedelta(seconds=97 * index)
    model = _MODELS[index % len(_MODELS)]
    upright = Image.fromarray(picture)
    write_photo(path, upright, taken_at=taken_at, model=model, orientation=shot.orientation)
    return SamplePhoto(
        path=path,
        width=upright.width,
        height=upright.height,
        taken_at=taken_at,
        camera=f"{MAKE} {model}",
        runners=runners,
        is_blurry=shot.motion_blur or shot.defocus,
    )


def _truth(album: SampleAlbum, seed: int) -> dict[str, object]:
    return {
        "seed": seed,
        "people": [
            {**asdict(person), "selfie": person.selfie.relative_to(album.folder).as_posix()} for person in album.people
        ],
        "photos": [
            {
                "file": photo.path.relative_to(album.folder).as_posix(),
                "width": photo.width,
                "height": photo.height,
                "taken_at": photo.taken_at.isoformat(),
                "camera": photo.camera,
                "is_blurry": photo.is_blurry,
                "runners": [asdict(runner) for runner in photo.runners],
            }
            for photo in album.photos
        ],
        "bad_files": [path.relative_to(album.folder).as_posix() for path in album.bad_files],
    }
