"""Every language says the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from photofinish_functions.pages.messages import DEFAULT, Catalogue
from photofinish_functions.pages.static_files import FOLDER

ROOT = Path(__file__).parents[4]
CATALOGUE = Catalogue.load()
OTHERS = sorted(set(CATALOGUE.languages) - {DEFAULT})
TEMPLATES = sorted((FOLDER.parent / "templates").rglob("*.html"))
SCRIPTS = sorted(FOLDER.rglob("*.js"))


def flat(language: str) -> dict[str, str]:
    return {
        f"{section}.{key}": text
        for section, messages in CATALOGUE.languages[language].items()
        for key, text in messages.items()
    }


def base(key: str) -> str:
    """The key without its plural category, of which languages have different ones."""
    return key.split("#")[0]


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_the_messages_of_english(language: str) -> None:
    assert {base(key) for key in flat(language)} == {base(key) for key in flat(DEFAULT)}


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_values_of_its_message(language: str) -> None:
    def values(texts: dict[str, str], key: str) -> set[str]:
        return {name for at, text in texts.items() if base(at) == key for name in re.findall(r"\{(\w+)\}", text)}

    english, theirs = flat(DEFAULT), flat(language)
    wrong = [key for key in map(base, english) if values(english, key) != values(theirs, key)]
    assert not wrong


@pytest.mark.parametrize("language", CATALOGUE.languages)
def test_counted_messages_have_a_text_for_every_other_number(language: str) -> None:
    counted = {base(key) for key in flat(language) if "#" in key}
    assert not [key for key in counted if f"{key}#other" not in flat(language)]


def test_keys_are_unique_over_sections_that_a_page_may_use_together() -> None:
    common = set(CATALOGUE.languages[DEFAULT]["common"])
    for section, messages in CATALOGUE.languages[DEFAULT].items():
        assert section == "common" or not common & set(messages), section


def test_the_console_has_words_for_every_reason_why_a_photo_is_refused() -> None:
    document = (ROOT / "docs/files.md").read_text(encoding="utf-8")
    refused = "".join(document.split(title)[1].split("\n## ")[0] for title in ("## Videos", "## What is refused"))
    codes = {
        code for line in re.findall(r"^\| (`.*?) \|", refused, re.MULTILINE) for code in re.findall("`(.*?)`", line)
    }
    assert {"cut_off", "not_as_announced", "too_many_pixels", "video_encrypted"} <= codes
    of_the_command_only = {"internal_error"}
    given_up = {"gave_up"}
    console = CATALOGUE.languages[DEFAULT]["console"]
    assert not [code for code in (codes | given_up) - of_the_command_only if f"cause_{code}" not in console]


def test_every_message_that_pages_name_exists() -> None:
    keys = {base(key.split(".", 1)[1]) for key in flat(DEFAULT)}
    named = {
        key
        for path in (*TEMPLATES, *SCRIPTS)
        for key in re.findall(r"\b(?:t|counted)\(\s*[\"']([a-z0-9_]+)[\"']", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert not named - keys
