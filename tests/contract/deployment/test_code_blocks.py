"""Every code block of the documents says what it is, is free of syntax errors, and runs or says why it cannot.

The blocks that can run are run by `tests/e2e/test_documents.py`.
"""

from __future__ import annotations

import ast
import json
import subprocess
import tomllib

import pytest

from support.docs_blocks import Block, blocks, documents

BLOCKS = [block for document in documents() for block in blocks(document)]
LANGUAGES = {"sh", "python", "js", "html", "toml", "json", "hcl", "Dockerfile", "text"}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_names_its_language_and_parses(block: Block) -> None:
    assert block.language in LANGUAGES, f"{block.place}: ``` needs one of {', '.join(sorted(LANGUAGES))}"
    match block.language:
        case "sh":
            checked = subprocess.run(["bash", "-n"], input=block.code, capture_output=True, text=True)
            assert checked.returncode == 0, f"{block.place}: {checked.stderr}"
        case "python":
            ast.parse(block.code, block.place)
        case "toml":
            tomllib.loads(block.code)
        case "json":
            json.loads(block.code)


def test_a_block_that_is_not_run_has_a_reason() -> None:
    assert not [block.place for block in BLOCKS if block.not_run is not None and len(block.not_run) < 15]


def test_arguments_for_a_job_of_two_containers_name_the_container() -> None:
    """gcloud refuses `--args` for such a job without `--container`."""
    commands = [
        command
        for block in BLOCKS
        for command in block.code.replace("\\\n", " ").splitlines()
        if "gcloud run jobs execute" in command and "--args" in command
    ]
    assert commands, "the documents have no such command any more"
    assert not [command for command in commands if "--container=" not in command]


def test_no_block_installs_from_the_public_index() -> None:
    """The project's name there belongs to a stranger."""
    assert not [block.place for block in BLOCKS if "pip install" in block.code and "photofinish[" in block.code]
