"""An InsightFace pack in the whole analysis."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.settings import ModelSettings
from support.face_packs import DIMENSIONS, crowd, pack
from support.pictures import encode


def test_faces_come_from_the_pack_and_sidecars_name_it(
    analyzer: Analyzer, tmp_path: Path, model_settings: ModelSettings
) -> None:
    settings = dataclasses.replace(model_settings, face_pack=pack(tmp_path / "buffalo_l"), accept_noncommercial=True)
    with_pack = Analyzer.load(settings)  # no calibration is needed to analyse
    (result,) = with_pack.analyze([encode(crowd([(320, 160), (800, 480)]), "PNG")])
    assert isinstance(result, AnalyzedPhoto), result
    faces = result.analysis.faces
    assert len(faces) == 2
    assert all(len(face.embedding.vector) == DIMENSIONS for face in faces)
    assert result.analysis.models["face_embedding"] == with_pack.embedding_space
    assert result.analysis.models["face_detection"].startswith("buffalo_l_det_10g-")
    assert result.pipeline_version == with_pack.pipeline_version != analyzer.pipeline_version
    assert with_pack.embedding_space.replace("-", "") in with_pack.pipeline_version
    assert analyzer.pipeline_version.partition("-")[0] == with_pack.pipeline_version.partition("-")[0]
