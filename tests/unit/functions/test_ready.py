"""A function is ready when no first request has to wait for what it needs."""

from __future__ import annotations

import pytest

from photofinish_functions import serving


class Loading:
    """An app that notes what was loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    @property
    def text_space(self) -> None:
        self.loaded.append("texts")

    def database_answers(self) -> bool:
        return True


@pytest.mark.parametrize(("target", "loaded"), [("api", ["texts"]), ("rekognition", []), ("on_object_finalized", [])])
def test_models_of_texts_are_loaded_before_the_first_search(
    target: str, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Loading()
    monkeypatch.setattr(serving.wiring, "app", lambda: app)
    monkeypatch.setenv("FUNCTION_TARGET", target)
    assert serving._is_ready()
    assert app.loaded == loaded
