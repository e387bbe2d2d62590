"""Models and decoders of pictures."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.analysis.models.settings import ModelSettings
from photofinish.ports import LivenessCheck
from photofinish.settings import ModelEnvironment

if TYPE_CHECKING:
    from photofinish.analysis.analyzer import Analyzer
    from photofinish.analysis.decoders.pool import DecoderPool
    from photofinish.analysis.models.face_encoder import FaceEncoder
    from photofinish.analysis.models.picture_space import TextSpace
    from photofinish.analysis.models.text_reader import TextReader
    from photofinish.application.analysing_pictures import PictureAnalysis
    from photofinish.application.pictures import Pictures
    from photofinish.domain.matching import Calibration


class Models:
    """The models that the environment selects, loaded on first use, and what decodes pictures for them."""

    @cached_property
    def decoders(self) -> DecoderPool:
        """Decodes the pictures of requests; its processes start with the first use."""
        from photofinish.analysis.decoders.pool import DecoderPool
        from photofinish.application.pictures import DECODER_MEMORY_BYTES

        return DecoderPool(os.cpu_count() or 1, memory_bytes=DECODER_MEMORY_BYTES)

    @cached_property
    def encoder(self) -> FaceEncoder:
        from photofinish.analysis.models.face_encoder import FaceEncoder

        return FaceEncoder.load(model_settings())

    @cached_property
    def text_reader(self) -> TextReader:
        from photofinish.analysis.models.text_reader import TextReader

        return TextReader.load(model_settings())

    @cached_property
    def analyzer(self) -> Analyzer:
        """The analysis of whole pictures, with the models and decoders above."""
        from photofinish.analysis.analyzer import Analyzer
        from photofinish.analysis.models.bib_detection import BibDetector
        from photofinish.analysis.models.selection import bib_detector_file, model_labels

        settings = model_settings()
        bib_file = bib_detector_file(settings)
        return Analyzer(
            self.encoder,
            self.text_reader,
            models=model_labels(settings),
            bib_detector=BibDetector.load(bib_file, settings) if bib_file else None,
            decoders=self.decoders,
        )

    @cached_property
    def text_space(self) -> TextSpace | None:
        """Where descriptions lie among photos; None where photos are not searched for what they show."""
        from photofinish.analysis.models.picture_space import load_texts

        return load_texts(model_settings())

    @property
    def embedding_space(self) -> str:
        """The embedding space of `encoder`."""
        return self._searched_space[0]

    @property
    def calibration(self) -> Calibration:
        """What similarities in `embedding_space` mean. Raises Misconfigured if it has no calibration."""
        return self._searched_space[1]

    @cached_property
    def _searched_space(self) -> tuple[str, Calibration]:
        from photofinish.analysis.models.selection import searched_space

        return searched_space(model_settings())

    @property
    def liveness(self) -> LivenessCheck | None:
        """None: no model with a fitting licence is known, and answers say so (docs/consent.md)."""
        return None

    @cached_property
    def pictures(self) -> Pictures:
        from photofinish.application.pictures import Pictures

        return Pictures(lambda: self.encoder, self.calibration, lambda: self.decoders)

    @cached_property
    def picture_analysis(self) -> PictureAnalysis:
        from photofinish.application.analysing_pictures import PictureAnalysis

        return PictureAnalysis(lambda: self.analyzer, self.pictures)


def model_settings() -> ModelSettings:
    """Read from the environment which models to use, where their files are and what they run on."""
    environment = ModelEnvironment.from_env()
    providers = tuple(name.strip() for name in environment.providers.split(",") if name.strip())
    return ModelSettings(
        models_dir=environment.models_dir,
        providers=providers,
        threads=environment.threads,
        tensorrt_cache_dir=environment.tensorrt_cache_dir,
        fp16=environment.fp16,
        bib_detector=environment.bib_detector,
        face_pack=environment.face_pack,
        accept_noncommercial=environment.accept_noncommercial,
        text_engine=environment.text_engine,
        paddle_models=environment.paddle_models,
        label_search=environment.label_search,
        picture_pair=environment.picture_pair,
    )
