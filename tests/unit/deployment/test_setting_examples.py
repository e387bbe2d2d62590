"""The documents' examples of settings are what the code and Terraform read: photofinish.toml, tfvars, module calls."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2 import SerializationOptions

from photofinish_cli.config_file import read_profile
from support.docs_blocks import PLANNED, Block, blocks, documents
from support.terraform_config import TERRAFORM, parsed, root

BLOCKS = [block for document in documents() for block in blocks(document)]
HCL = [block for block in BLOCKS if block.language == "hcl"]
TOML = [block for block in BLOCKS if block.language == "toml"]


def read(block: Block) -> dict[str, Any]:
    content: dict[str, Any] = hcl2.loads(
        block.code, serialization_options=SerializationOptions(strip_string_quotes=True)
    )
    return own(content)


def own(mapping: dict[str, Any]) -> dict[str, Any]:
    """Without what the parser adds about positions."""
    return {name: value for name, value in mapping.items() if not name.startswith("__")}


def variables_of(module: Path) -> dict[str, Any]:
    found = [block for file in sorted(module.glob("*.tf")) for block in parsed(file).get("variable", [])]
    return {name: body for block in found for name, body in own(block).items()}


def check_arguments(place: str, given: dict[str, Any], variables: dict[str, Any]) -> None:
    unknown = set(given) - set(variables)
    assert not unknown, f"{place}: no variables are named {sorted(unknown)}"
    for name, value in given.items():
        type_ = str(variables[name]["type"])
        if isinstance(value, dict) and type_.startswith(("object(", "${object(")):
            attributes = set(re.findall(r"(\w+)\s*[=:]", type_))
            assert set(own(value)) <= attributes, f"{place}: {name} has only {sorted(attributes)}"


def test_there_are_examples() -> None:
    assert len(HCL) > 10
    assert TOML


@pytest.mark.parametrize("block", TOML, ids=lambda block: block.place)
def test_every_profile_of_a_file_of_settings_can_be_read(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "photofinish.toml"
    file.write_text(block.code)
    file.chmod(0o600)
    for name in tomllib.loads(block.code):
        profile = read_profile(file, name)
        assert profile is not None
        assert profile.variables


@pytest.mark.parametrize(
    "block", [block for block in HCL if PLANNED.fullmatch(block.document)], ids=lambda block: block.place
)
def test_a_module_call_gives_what_the_module_needs(block: Block) -> None:
    [call] = read(block)["module"]
    [arguments] = own(call).values()
    module = TERRAFORM / arguments["source"]
    assert module.samefile(TERRAFORM.parent / block.document.rpartition("/")[0])
    variables = variables_of(module)
    given = {name: value for name, value in own(arguments).items() if name != "source"}
    check_arguments(block.place, given, variables)
    missing = {name for name, body in variables.items() if "default" not in body} - set(given)
    assert not missing, f"{block.place}: the module also needs {sorted(missing)}"


@pytest.mark.parametrize(
    "block", [block for block in HCL if not PLANNED.fullmatch(block.document)], ids=lambda block: block.place
)
def test_an_example_of_tfvars_sets_variables_of_the_deployment(block: Block) -> None:
    check_arguments(block.place, read(block), root("variable"))
