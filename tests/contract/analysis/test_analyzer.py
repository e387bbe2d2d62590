"""The whole analysis of photos, with the real models."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace

import cv2
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.imaging.decoding import DecodedPhoto, Limits
from photofinish.analysis.models.cpu_features import multiplies_int8_exactly
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.orientation import Evidence
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import Bib, find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import findings_of_picture, sidecar, sidecar_bytes, sidecar_schema
from photofinish.domain.start_list import BibCandidate, StartList
from photofinish.errors import RejectedInput
from support.pictures import BgrImage, encode, exif, group, noise, runner

PHOTO = PhotoRef(bucket="photos", name="spring-10k/cam2/IMG_1.jpg", generation=1719)


def analysis_of(result: AnalyzedPhoto | RejectedInput) -> PhotoAnalysis:
    assert isinstance(result, AnalyzedPhoto), result
    return result.analysis


def document(analyzer: Analyzer, analysis: PhotoAnalysis, **options: bool) -> dict[str, object]:
    return sidecar(PHOTO, analysis, analyzer.pipeline_version, **options)


def without_timings(document: dict[str, object]) -> bytes:
    return sidecar_bytes({key: value for key, value in document.items() if key != "timings_ms"})


def test_without_label_search_nothing_says_what_a_photo_shows(analyzer: Analyzer) -> None:
    (result,) = analyzer.analyze([encode(runner("2906"))])
    assert analysis_of(result).depiction is None
    assert "depiction" not in document(analyzer, analysis_of(result))
    assert "efficientnet" not in analyzer.pipeline_version


def test_with_label_search_photos_say_what_they_show(model_settings: ModelSettings) -> None:
    labelling = Analyzer.load(replace(model_settings, label_search=True))
    beside, alone = labelling.analyze([encode(runner("2906")), encode(group())]), labelling.analyze([encode(group())])
    found = analysis_of(alone[0])
    assert found.depiction is not None
    assert found.depiction.embedding.space == "labels-lite0-use3-1"
    assert found.depiction.embedding.vector.shape == (512,)
    assert 1 <= len(found.depiction.labels) <= 10
    assert {"picture_labels", "sentence_embedding"} < set(found.models)
    assert "depict" in found.timings_ms
    assert "efficientnetlite01" in labelling.pipeline_version, "it is another result of a photo"
    jsonschema.validate(document(labelling, found), sidecar_schema())
    same = without_timings(document(labelling, analysis_of(beside[1])))
    assert without_timings(document(labelling, found)) == same, "whatever is analysed with it"


def test_a_runner_with_a_bib(analyzer: Analyzer) -> None:
    block = exif(tags={0x010F: "Canon", 0x0110: "EOS R6"}, photo_tags={0x9003: "2024:05:01 09:30:15"})
    (result,) = analyzer.analyze([encode(runner("2906"), exif=block)])
    analysis = analysis_of(result)
    assert len(analysis.faces) == 1
    assert [(bib.number, bib.face_index) for bib in analysis.bibs] == [("2906", 0)]
    assert "2906" in [line.text for line in analysis.text]
    assert not analysis.sharpness.is_blurry
    assert analysis.image.camera == "Canon EOS R6"
    assert set(analysis.models) == {"face_detection", "face_embedding", "text_detection", "text_recognition"}
    assert set(analysis.timings_ms) == {
        *("decode", "detect", "embed", "read", "read_torsos", "read_steep", "sharpness", "preview", "thumbnail")
    }
    assert isinstance(result, AnalyzedPhoto)
    preview = cv2.imdecode(np.frombuffer(result.preview_jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert preview.shape == (1024, 1024, 3)
    thumbnail = cv2.imdecode(np.frombuffer(result.thumbnail_webp, np.uint8), cv2.IMREAD_COLOR)
    assert thumbnail.shape == (320, 320, 3)
    written = document(analyzer, analysis)
    jsonschema.validate(written, sidecar_schema())
    assert base64.b64decode(str(written["placeholder"])) == analysis.placeholder
    assert int(str(written["perceptual_hash"]), 16) == analysis.perceptual_hash


@pytest.mark.parametrize("with_text", [True, False])
def test_a_picture_alone_takes_the_models_that_it_needs(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch, with_text: bool
) -> None:
    ran: set[str | None] = set()
    run = OrtSession.run

    def noted(session: OrtSession, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        ran.add(session.role)
        return run(session, batch)

    content = encode(runner("2906"))
    whole = document(analyzer, analysis_of(analyzer.analyze([content])[0]))
    monkeypatch.setattr(OrtSession, "run", noted)
    found = findings_of_picture(analyzer.analyze_picture(analyzer.decode(content), with_text=with_text))
    expected = {"face_detection"} | ({"text_detection", "text_recognition"} if with_text else set())
    assert ran == set(found["models"]) == expected
    for name in ["image", "faces", "sharpness", "warnings"] + (["bibs", "text"] if with_text else []):
        assert found[name] == whole[name], name


@pytest.mark.parametrize("tilt_deg", [-90, -60, -45, -30, 30, 45, 75, 90])
def test_a_tilted_bib_is_found(analyzer: Analyzer, tilt_deg: float) -> None:
    (result,) = analyzer.analyze([encode(runner("1234", tilt_deg=tilt_deg))])
    analysis = analysis_of(result)
    assert [(bib.number, bib.face_index) for bib in analysis.bibs] == [("1234", 0)]
    (line,) = [line for line in analysis.text if line.text == "1234"]
    assert line.quad is not None
    written = json.loads(sidecar_bytes(document(analyzer, analysis)))
    jsonschema.validate(written, sidecar_schema())
    (corners,) = [text["corners"] for text in written["text"] if text["text"] == "1234"]
    start, end = (np.array([point["x"], point["y"]]) for point in corners[:2])
    right, down = (end - start) * (analysis.image.width, analysis.image.height)
    assert math.degrees(math.atan2(down, right)) == pytest.approx(tilt_deg, abs=15)


def test_bad_photos_do_not_affect_the_others(analyzer: Analyzer) -> None:
    good = encode(runner("77"))
    contents = [b"", good, b"not a picture", good[: len(good) // 4], encode(noise(320, 240), "PNG"), good]
    results = analyzer.analyze(contents)
    codes = [result.code if isinstance(result, RejectedInput) else "ok" for result in results]
    assert codes == ["empty_file", "ok", "not_a_picture", "cut_off", "ok", "ok"]
    assert [bib.number for bib in analysis_of(results[1]).bibs] == ["77"]
    assert analysis_of(results[4]).faces == ()
    assert analyzer.analyze([]) == []


@pytest.mark.parametrize("size", [(6000, 16), (16, 6000), (60_000, 17)])
def test_a_thin_strip_is_a_photo_like_any_other(analyzer: Analyzer, size: tuple[int, int]) -> None:
    results = analyzer.analyze([encode(runner("77")), encode(noise(*size))])
    assert [bib.number for bib in analysis_of(results[0]).bibs] == ["77"]
    assert (analysis_of(results[1]).image.width, analysis_of(results[1]).image.height) == size


def test_a_bug_costs_one_photo_and_is_logged_with_its_traceback(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it is in the decoding of one photo, or in the analysis of a batch."""

    def broken(photo: DecodedPhoto, *evidence: Evidence) -> DecodedPhoto:
        if photo.info.width == 123:
            raise KeyError("bug in the analysis")
        return photo

    def decode_or_fail(content: bytes, *, limits: Limits) -> DecodedPhoto:
        if content == b"bug":
            raise TypeError("bug in the decoding")
        return decode(content, limits=limits)

    decode = analyzer.decoders.decode
    monkeypatch.setattr("photofinish.analysis.analyzer.settled", broken)
    monkeypatch.setattr(analyzer.decoders, "decode", decode_or_fail)
    good = encode(runner("77"))
    results = analyzer.analyze([good, b"bug", encode(noise(123, 50)), good])
    codes = [result.code if isinstance(result, RejectedInput) else "ok" for result in results]
    assert codes == ["ok", "internal_error", "internal_error", "ok"]
    assert "bug in the decoding" in caplog.text
    assert "bug in the analysis" in caplog.text
    assert "Traceback" in caplog.text


def test_warnings_of_the_file_are_in_the_sidecar(analyzer: Analyzer) -> None:
    content = encode(runner("2906"))
    whole, endless = analyzer.analyze([content, content.removesuffix(b"\xff\xd9")])
    assert document(analyzer, analysis_of(whole))["warnings"] == []
    told = document(analyzer, analysis_of(endless))
    jsonschema.validate(told, sidecar_schema())
    [warning] = analysis_of(endless).warnings
    assert told["warnings"] == [{"code": "end_missing", "message": warning.message}]
    assert [bib.number for bib in analysis_of(endless).bibs] == ["2906"]


def test_the_same_content_gives_the_same_sidecar_in_any_batch(analyzer: Analyzer) -> None:
    photos = [encode(runner("2906")), encode(group()), encode(noise(500, 300), "PNG"), encode(runner("14"), "WEBP")]
    together = [document(analyzer, analysis_of(result), embeddings=True) for result in analyzer.analyze(photos)]
    for content, beside in zip(photos, together, strict=True):
        (alone,) = analyzer.analyze([content])
        assert without_timings(document(analyzer, analysis_of(alone), embeddings=True)) == without_timings(beside)


def test_the_camera_orientation_does_not_matter(analyzer: Analyzer) -> None:
    upright = runner("2906")
    stored = np.ascontiguousarray(np.rot90(upright))
    results = analyzer.analyze([encode(upright, "PNG"), encode(stored, "PNG", exif=exif(orientation=6))])
    one, other = (document(analyzer, analysis_of(result)) for result in results)
    assert without_timings(one) == without_timings(other)


def test_a_large_photo_has_the_boxes_of_the_whole_picture(analyzer: Analyzer) -> None:
    """It is decoded at half its size; fractions must still refer to the full picture."""
    large = cv2.resize(runner("2906"), (7000, 7000), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    large_analysis, analysis = (
        analysis_of(result) for result in analyzer.analyze([encode(large), encode(runner("2906"))])
    )
    assert (large_analysis.image.width, large_analysis.image.height) == (7000, 7000)
    assert [bib.number for bib in large_analysis.bibs] == ["2906"]
    for one, other in zip(large_analysis.faces, analysis.faces, strict=True):
        assert (one.box.x, one.box.y, one.box.w) == pytest.approx((other.box.x, other.box.y, other.box.w), abs=0.03)


def test_photos_beyond_the_batch_limit_are_analysed_in_turns(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer, "batch_limit", replace(analyzer.batch_limit, pixels=1))
    numbers = ["11", "22", "33"]
    results = analyzer.analyze([encode(runner(number)) for number in numbers])
    assert [analysis_of(result).bibs[0].number for result in results] == numbers


def blurred_before_sharp_background(sharp: BgrImage) -> BgrImage:
    """The right half, beside the face, becomes a pattern of hard edges."""
    blurred = cv2.GaussianBlur(sharp, (0, 0), 8).astype(np.uint8)
    blurred[:, 600:] = np.kron(np.indices((128, 53)).sum(axis=0) % 2 * 255, np.ones((8, 8)))[:, :424, None]
    return blurred


def test_blur_is_judged_at_the_face(analyzer: Analyzer) -> None:
    sharp = runner("2906")
    results = analyzer.analyze([encode(sharp), encode(blurred_before_sharp_background(sharp), "PNG")])
    in_focus, out_of_focus = (analysis_of(result) for result in results)
    assert not in_focus.sharpness.is_blurry
    assert len(out_of_focus.faces) >= 1
    assert out_of_focus.sharpness.frame > 0.55, "the frame as a whole has sharp edges"
    assert out_of_focus.sharpness.is_blurry


@pytest.mark.parametrize("embeddings", [False, True])
def test_sidecars_match_their_schema(analyzer: Analyzer, embeddings: bool) -> None:
    block = exif(tags={0x010F: "Canon"}, photo_tags={0x9003: "2024:05:01 09:30:15", 0x9011: "+02:00", 0x9291: "5"})
    photos = [encode(runner("2906"), exif=block), encode(group(), "HEIF"), encode(noise(64, 64), "PNG")]
    jsonschema.Draft202012Validator.check_schema(sidecar_schema())
    for result in analyzer.analyze(photos):
        found = document(analyzer, analysis_of(result), embeddings=embeddings)
        jsonschema.validate(json.loads(sidecar_bytes(found)), sidecar_schema())


def test_the_schema_refuses_invalid_sidecars(analyzer: Analyzer) -> None:
    (result,) = analyzer.analyze([encode(runner("2906"))])
    good = json.loads(sidecar_bytes(document(analyzer, analysis_of(result))))
    jsonschema.validate(good, sidecar_schema())
    for change in (
        {"faces": [{**good["faces"][0], "box": [0, 0, 1]}]},
        {"bibs": [{**good["bibs"][0], "number": 2906}]},
        {"sharpness": {**good["sharpness"], "frame": 2}},
        {"image": {**good["image"], "taken_at": "yesterday"}},
        {"unknown": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **change}, sidecar_schema())


def test_the_pipeline_version_names_the_models_and_fits_an_object_name(analyzer: Analyzer) -> None:
    form = "int8" if multiplies_int8_exactly() else ""
    assert analyzer.pipeline_version == f"6-yunet2023mar-sface2021dec-ppocrdetsmall6{form}-ppocrrecsmall6{form}"
    assert analyzer.embedding_space == "sface-2021dec-2"


def test_bibs_follow_from_the_text_and_the_rules(analyzer: Analyzer) -> None:
    """Other rules, or a later start list, need no second analysis."""
    (result,) = analyzer.analyze([encode(runner("2906"))])
    analysis = analysis_of(result)

    def bibs(rules: BibRules) -> tuple[Bib, ...]:
        image = analysis.image
        return find_bibs(analysis.text, analysis.faces, width=image.width, height=image.height, rules=rules)

    assert bibs(BibRules()) == analysis.bibs
    assert [bib.number for bib in bibs(BibRules(start_list=StartList({"2906": "Ada Lovelace"})))] == ["2906"]
    assert bibs(BibRules(start_list=StartList({"1111": "Alan Turing"}))) == ()


def test_the_analyzer_applies_its_rules(model_settings: ModelSettings) -> None:
    analyzer = Analyzer.load(model_settings, BibRules(prefixes=("3",)))
    results = analyzer.analyze([encode(runner("2906")), encode(runner("3906"))])
    assert [[bib.number for bib in analysis_of(result).bibs] for result in results] == [[], ["3906"]]


def test_partial_numbers_and_candidates_match_the_schema(analyzer: Analyzer) -> None:
    (result,) = analyzer.analyze([encode(runner("2906"))])
    analysis = analysis_of(result)
    candidates = (BibCandidate(number="2906", probability=0.5), BibCandidate(number="2908", probability=0.45))
    bib = replace(analysis.bibs[0], partial=True, candidates=candidates)
    found = json.loads(sidecar_bytes(document(analyzer, replace(analysis, bibs=(bib,)))))
    jsonschema.validate(found, sidecar_schema())
    (written,) = found["bibs"]
    assert written["partial"] is True
    assert written["candidates"] == [
        {"number": "2906", "probability": 0.5},
        {"number": "2908", "probability": 0.45},
    ]
