"""What the routes are made with."""

from __future__ import annotations

from photofinish.wiring import App

Services = App
