"""An album with photos of obvious content, and searches by words with their relevant photos, in three languages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import skimage.data

from photofinish_cli.evaluation.evaluating_search import LabelledQuery
from photofinish_cli.sample_album.album import SampleAlbum, make_sample_album

# Photos of scikit-image's package, and what is on them; drawings, textures and microscopy are left out.
PICTURES = {
    "astronaut.png": ("astronaut", "Astronautin", "astronaute"),
    "brick.png": ("brick wall", "Mauer aus Ziegeln", "mur de briques"),
    "camera.png": ("photographer with a tripod", "Fotograf mit Stativ", "photographe avec un trépied"),
    "chelsea.png": ("a cat", "eine Katze", "un chat"),
    "coffee.png": ("cup of coffee", "eine Tasse Kaffee", "une tasse de café"),
    "coins.png": ("old coins", "alte Münzen", "pièces de monnaie anciennes"),
    "grass.png": ("lawn", "Rasen", "pelouse"),
    "moon.png": ("the moon", "der Mond", "la lune"),
    "motorcycle_left.png": ("a motorbike", "ein Motorrad", "une moto"),
    "page.png": ("a page of a book", "eine Buchseite", "une page d'un livre"),
    "rocket.jpg": ("rocket launch", "Start einer Rakete", "lancement d'une fusée"),
}
NAMES = ("Ada Lovelace", "Bruno Keller", "Chloé Martin", "Dora Weiss", "Emil Novak", "Fatima Haddad", "Gino Rossi")
LANGUAGES = ("English", "German", "French")
# {name}, {number}: of a runner.
ABOUT_RUNNERS = (
    ("runner number {number}", "Läufer mit der Nummer {number}", "coureur numéro {number}"),
    ("photos of {name}", "Fotos von {name}", "photos de {name}"),
)
ALL_RUNNERS = ("people running a race", "Leute bei einem Lauf", "des gens qui courent")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledAlbum:
    """Files of an album, its start list, and its searches."""

    photos: dict[str, Path]
    """Name below the album → file."""
    entrants: dict[str, str]
    queries: list[LabelledQuery]

    def kind(self, query: LabelledQuery) -> str:
        """What is searched for."""
        if any(name.startswith("pictures/") for name in query.relevant):
            return "things"
        if any(name in query.text for name in NAMES):
            return "names"
        return "numbers" if any(number in query.text for number in self.entrants) else "runners"


def make_labelled_album(folder: Path) -> LabelledAlbum:
    """Draw the sample album into `folder`, add the photos of scikit-image, and label both."""
    sample = make_sample_album(folder / "sample")
    pictures = folder / "pictures"
    pictures.mkdir()
    photos = {f"race/{photo.path.name}": photo.path for photo in sample.photos}
    for name in PICTURES:
        image = cv2.imread(str(Path(skimage.data.__file__).parent / name))
        assert image is not None, name
        made = pictures / f"{Path(name).stem}.jpg"
        cv2.imwrite(str(made), image)
        photos[f"pictures/{made.name}"] = made
    entrants = dict(zip((person.bib_number for person in sample.people), NAMES, strict=True))
    return LabelledAlbum(photos=photos, entrants=entrants, queries=_queries(sample, entrants))


def _queries(sample: SampleAlbum, entrants: dict[str, str]) -> list[LabelledQuery]:
    found = [
        _query(text, {f"pictures/{Path(name).stem}.jpg"}, language)
        for name, texts in PICTURES.items()
        for text, language in zip(texts, LANGUAGES, strict=True)
    ]
    everyone = {f"race/{photo.path.name}" for photo in sample.photos}
    found += [_query(text, everyone, language) for text, language in zip(ALL_RUNNERS, LANGUAGES, strict=True)]
    for number, name in entrants.items():
        theirs = {
            f"race/{photo.path.name}"
            for photo in sample.photos
            if any(runner.bib_number == number for runner in photo.runners)
        }
        found += [
            _query(text.format(number=number, name=name), theirs, language)
            for texts in ABOUT_RUNNERS
            for text, language in zip(texts, LANGUAGES, strict=True)
        ]
    return found


def _query(text: str, relevant: set[str], language: str) -> LabelledQuery:
    return LabelledQuery(text=text, relevant=frozenset(relevant), group=language)
