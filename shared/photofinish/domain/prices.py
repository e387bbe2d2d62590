"""List prices of Google Cloud, their sources, and what a photo takes: `prices.toml`."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from importlib import resources
from typing import Any


class Processor(StrEnum):
    """What the models run on."""

    L4 = "l4"
    CPU = "cpu"


@functools.cache
def price_file() -> dict[str, Any]:
    """prices.toml: prices in USD, their sources, and the assumptions."""
    return tomllib.loads(resources.files(__package__ or "").joinpath("prices.toml").read_text(encoding="utf-8"))


def task_usd_s(processor: Processor, prices: Mapping[str, Any]) -> float:
    """Price of one second of an analysis task in USD, with the database proxy in its sidecar."""
    assumed, job = prices["assumptions"], prices["cloud_run_job"]
    usd_s: float = (assumed["task_vcpu"] + assumed["task_proxy_vcpu"]) * job["vcpu_s"]
    usd_s += (assumed["task_gib"] + assumed["task_proxy_gib"]) * job["gib_s"]
    return usd_s + (job["l4_s"] if processor is Processor.L4 else 0.0)


def prices_as_of(prices: Mapping[str, Any]) -> date:
    """The day on which the oldest of the prices was looked up."""
    sections = [section for section in prices.values() if isinstance(section, dict) and "source" in section]
    return min(date.fromisoformat(section["looked_up"]) for section in sections)
