"""The built models are shared by all tests of this folder."""

from support.models import model_settings

__all__ = ["model_settings"]
