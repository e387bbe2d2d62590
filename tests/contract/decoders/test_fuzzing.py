"""Broken files and messages, made from valid ones by a seed: each is taken or refused, and costs nothing else.

`make fuzz` runs many more of them, with a new seed each time.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.errors import RejectedInput
from support.fuzz_targets import TARGETS, broken, check
from support.pictures import encode, quadrants

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")
CASES = int(os.environ.get("FUZZ_CASES", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "14"))


@pytest.mark.timeout(120 + CASES)
@pytest.mark.parametrize("kind", [*KINDS, "progressive JPEG"])
def test_broken_files_are_decoded_or_rejected(decoders: DecoderPool, kind: str) -> None:
    dice = random.Random(f"{SEED} {kind}")
    options = {"progressive": True} if kind == "progressive JPEG" else {}
    valid = encode(quadrants(96, 64), kind.split()[-1], **options)
    outcomes: Counter[str] = Counter()
    for number in range(CASES):
        content = broken(valid, dice)
        try:
            photo = decoders.decode(content)
            assert photo.image.shape[2] == 3
            outcomes["decoded"] += 1
        except RejectedInput as rejection:
            outcomes[rejection.code] += 1
        except Exception as error:
            raise AssertionError(f"{kind} {number} of seed {SEED}: {error}") from error
    assert not outcomes.keys() & {"decoder_failed", "decoding_took_too_long"}, outcomes
    assert len(outcomes) > 1, "the mutations reach more than one outcome"


@pytest.mark.timeout(120 + CASES)
@pytest.mark.parametrize("name", TARGETS)
def test_parsers_raise_only_what_they_document(name: str) -> None:
    dice = random.Random(f"{SEED} {name}")
    for valid in TARGETS[name].valid:
        check(name, valid)
        for _ in range(CASES):
            check(name, broken(valid, dice))
