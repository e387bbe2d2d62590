"""The gcloud commands of the documents, the build and its scripts have the names and flags of the reference."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
TABLE: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("gcloud_commands.toml").read_text(encoding="utf-8")
)
EVERYWHERE = set(TABLE.pop("flags_of_every_command")["names"])
FILES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "terraform").glob("*.md")),
    ROOT / "cloudbuild.yaml",
    *sorted((ROOT / "terraform/ship").glob("*.sh")),
]
IN_THE_BUILD = {ROOT / "cloudbuild.yaml", *(ROOT / "terraform/ship").glob("*.sh")}
REGION_OF_THE_BUILD = "CLOUDSDK_RUN_REGION"


class Command(NamedTuple):
    file: Path
    name: str
    text: str

    @property
    def flags(self) -> set[str]:
        return set(re.findall(r"(?<=\s)--[a-z][a-z-]*", self.text))

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}: {' '.join(self.text.split())}"


def code_of(file: Path) -> str:
    """What runs: a script without comments, or the code of a document, each piece on lines of its own."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".md":
        return re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE)
    fenced = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *(code.replace("\n", " ") for code in inline)])


def commands() -> Iterator[Command]:
    for file in FILES:
        text = re.sub(r"\\\n\s*", " ", code_of(file))
        text = re.sub(r"'[^'\n]*'", "''", text)
        for found in re.findall(r"\bgcloud ([a-z][^|;)\n]*)", text):
            words = re.split(r"[\s\"]+", found)
            known = [name for count in range(len(words), 0, -1) if (name := " ".join(words[:count])) in TABLE]
            yield Command(file, known[0] if known else "", found)


COMMANDS = list(commands())


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 45
    assert {command.file for command in COMMANDS} >= IN_THE_BUILD


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_is_one_of_the_reference(command: Command) -> None:
    assert command.name, f"{command}: tests/unit/deployment/gcloud_commands.toml has no such command"
    entry = TABLE[command.name]
    unknown = command.flags - set(entry["flags"]) - EVERYWHERE
    assert not unknown, f"{command}: unknown flags {sorted(unknown)}"
    if command.text.endswith("…") or command.text.strip() == command.name:
        return  # only mentioned
    missing = set(entry.get("needs", [])) - command.flags
    if command.file in IN_THE_BUILD:
        missing -= {"--region"}
    assert not missing, f"{command}: without {sorted(missing)}"


def test_the_table_has_no_command_that_is_not_used() -> None:
    assert set(TABLE) == {command.name for command in COMMANDS}


def test_commands_of_the_build_get_their_region_from_its_environment() -> None:
    assert f"{REGION_OF_THE_BUILD}=${{_REGION}}" in (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")
