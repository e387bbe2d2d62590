"""Numbers that are no bibs: times, dates, prices, distances, phone numbers, car plates. Read from their surroundings.

Words of several languages are listed where races commonly print them; a line in another language is read as before,
except that no number is ever cut out of a word with other characters in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from photofinish.domain.bib_number import MAX_LETTERS
from photofinish.domain.number_words import NumberWord


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_UNITS = _listed(
    "km kms m mi mile miles meilen meter metres metros h hr hrs hour hours std min mins sek sec secs uhr kg lb lbs oz "
    "ml cl cm mm ft kcal cal bpm mph kmh km/h % ‰ ° °c °f years jahre ans años"
)
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_CURRENCIES = _listed("$ € £ ¥ ₹ eur euro euros usd chf gbp kr nok sek dkk pln zł kč cent cents")
# The number after one of these is a phone number, a year, a building.
_ANNOUNCING = _listed(
    "tel telefon telephone phone fon fax mobil mobile handy cell call whatsapp sms hotline est since seit depuis ©"
)
_MONTHS = _listed(
    "jan january januar janvier enero gennaio feb february februar février febrero febbraio "
    "mar march märz mars marzo apr april avril abril aprile may mai mayo maggio jun june juni juin junio giugno "
    "jul july juli juillet julio luglio aug august août agosto sep sept september septembre septiembre settembre "
    "oct okt october oktober octobre octubre ottobre nov november novembre noviembre "
    "dec dez december dezember décembre diciembre dicembre"
)
_NUMBER_SIGNS = _listed("no nr num nº n° number nummer bib startnr startnummer stnr dossard dorsal pettorale")
_MIN_PHONE_DIGITS = 7
_MAX_PLATE_GROUP = {True: 3, False: 4}  # letters, digits


def is_number_sign(text: str) -> bool:
    """Whether `text` says that a number follows: `No.`, `Nr`, `N°`, `Bib`."""
    return text.lower().rstrip(".:-#") in _NUMBER_SIGNS


def other_numbers(words: Sequence[NumberWord], *, letters_after: bool = False) -> set[int]:
    """Indices of the words of a line whose digits are no bib.

    `letters_after`: a single capital letter after digits is rather a letter of the bib than a unit.
    """
    if _is_plate(words):
        return {index for index, word in enumerate(words) if word.has_digit}
    found = {
        index
        for index, word in enumerate(words)
        if word.has_digit and (not _has_the_form_of_a_bib(word) or _is_measured_or_dated(words, index, letters_after))
    }
    found |= _phone_numbers(words)
    return found | _beside(words, {index for index in found if not words[index].has_letter})


def _has_the_form_of_a_bib(word: NumberWord) -> bool:
    """Whether a word is digits with at most a sign such as `No.`, or a letter or two, on one side."""
    before = "" if is_number_sign(word.before) else word.before
    letters = before + word.after
    return bool(word.digits) and not (before and word.after) and len(letters) <= MAX_LETTERS and _is_alphabetic(letters)


def _is_alphabetic(text: str) -> bool:
    return not text or text.isalpha()


def _is_measured_or_dated(words: Sequence[NumberWord], index: int, letters_after: bool) -> bool:
    word = words[index]
    before = words[index - 1].text.lower() if index else ""
    after = words[index + 1].text if index + 1 < len(words) else ""
    return (
        _is_unit(word.after, word.digits, letters_after)
        or word.after.lower() in _ORDINALS
        or word.before.lower() in _UNITS | _CURRENCIES
        or before in _CURRENCIES
        or before in _ANNOUNCING
        or (not word.after and _is_unit(after, word.digits, letters_after))
        or (_may_be_day_or_year(word) and (before in _MONTHS or after.lower() in _MONTHS))
    )


def _is_unit(text: str, digits: str, letters_after: bool) -> bool:
    """Whether `text` after `digits` is a unit: `10K`, `500m`, `24h`, `9 am`; `500M`, but not `123M`."""
    if len(text) == 1 and text.isupper():
        is_unit = text == "K" or (text == "M" and digits.endswith("00")) or (text == "H" and len(digits) <= 2)
        return is_unit and not letters_after
    if text.lower() in ("am", "pm"):
        return len(digits) <= 2
    return text.lower() in _UNITS or text.lower() in _CURRENCIES


def _may_be_day_or_year(word: NumberWord) -> bool:
    return word.is_plain_number and (1 <= int(word.digits) <= 31 or 1900 <= int(word.digits) <= 2099)


def _phone_numbers(words: Sequence[NumberWord]) -> set[int]:
    """Groups of digits in a row that together are a phone number: `0911 123456`, `030 123 45 67`."""
    found: set[int] = set()
    index = 0
    while index < len(words):
        end = index
        while end < len(words) and words[end].is_plain_number:
            end += 1
        groups = [word.digits for word in words[index:end]]
        least = 2 if groups and groups[0].startswith("0") else 3
        if len(groups) >= least and sum(map(len, groups)) >= _MIN_PHONE_DIGITS:
            found.update(range(index, end))
        index = end + 1
    return found


def _beside(words: Sequence[NumberWord], others: set[int]) -> set[int]:
    """`others`, and the plain numbers in a row with one of them: the year beside `17.05.`, the groups after `+49`."""
    found = set(others)
    for step in (1, -1):
        for index in sorted(others, reverse=step < 0):
            beside = index + step
            while 0 <= beside < len(words) and words[beside].is_plain_number:
                found.add(beside)
                beside += step
    return found


def _is_plate(words: Sequence[NumberWord]) -> bool:
    """Whether a line is short groups of capital letters and of digits only, two or more of letters: `M-AB 1234`."""
    line = " ".join(word.text for word in words)
    groups = re.findall("[A-Z]+|[0-9]+", line)
    letters = [group for group in groups if group.isalpha()]
    return (
        len(letters) >= 2
        and len(letters) < len(groups)
        and not is_number_sign(words[0].text)
        and all(len(group) <= _MAX_PLATE_GROUP[group.isalpha()] for group in groups)
        and re.fullmatch("[A-Z0-9 .-]*", line) is not None
    )
