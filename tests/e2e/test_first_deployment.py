"""A whole deployment, from nothing to a photo that is found, by the commands of docs/deploy.md in their order.

The commands run as the document has them, in one shell; `support/rehearsal.py` says what `gcloud` and `terraform` mean
on a local cloud. That cloud checks permissions: functions, jobs and the build may do what Terraform grants them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from photofinish.domain.access import PresentedKey
from photofinish_cli.sample_album import SampleAlbum
from photofinish_emulators import stack
from support import rehearsal
from support.docs_blocks import ROOT, blocks, script

TIMEOUT_S = 600
pytestmark = pytest.mark.timeout(TIMEOUT_S + 60)
# Blocks that only some deployments need, by a command in them; what they change only Google has.
LEFT_OUT = ("/hmacKeys?", "gcloud billing accounts", "photofinish preflight")


def test_the_commands_of_the_document_deploy_everything(sample_album: SampleAlbum, tmp_path: Path) -> None:
    key = PresentedKey.generate()
    photo = next(photo for photo in sample_album.photos if photo.path.suffix == ".jpg" and photo.runners)
    shutil.copy(photo.path, tmp_path / "photo.jpg")
    (tmp_path / "terraform").mkdir()  # the document enters it
    rehearsal.install(tmp_path / "bin")
    state_dir = tmp_path / "state"
    commands = [block for block in blocks("docs/deploy.md") if block.language == "sh"]
    found = [block for block in commands if not any(words in block.code for words in LEFT_OUT)]
    assert len(found) == len(commands) - len(LEFT_OUT) >= 6
    environment = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),  # the models
        "PATH": os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "tests"),
        "KEY": key.text,
        rehearsal.STATE: str(state_dir),
    }
    examples = {
        "ID:SHA256": f"{key.key_id}:{key.secret_sha256.hex()}",
        "1234": photo.runners[0].bib_number,
    }
    try:
        with (tmp_path / "stdout").open("w+") as stdout, (tmp_path / "stderr").open("w+") as stderr:
            done = subprocess.run(
                ["bash", "-c", script(found, examples)],
                cwd=tmp_path,
                env=environment,
                stdout=stdout,
                stderr=stderr,
                timeout=TIMEOUT_S,
                check=False,
            )
            output, errors = (tmp_path / "stdout").read_text(), (tmp_path / "stderr").read_text()
        assert done.returncode == 0, f"{output[-2000:]}\n{errors[-6000:]}\n{refusals(state_dir)}"
        assert "photo.jpg" in output, output
        assert "-- smoke-test" in errors, "the build uploaded a photo"
        with psycopg.connect(stack.environment(state_dir)["DATABASE_URL"]) as connection:
            [owners] = connection.execute(
                "SELECT array_agg(DISTINCT tableowner) FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
        assert owners == (["job-analyze@photofinish-local.iam"],), "the migration job made the tables"
        assert not refusals(state_dir)
    finally:
        stack.stop(state_dir)


def refusals(state_dir: Path) -> set[str]:
    """What the servers refused for want of a permission."""
    return {
        match[0]
        for log in (state_dir / "logs").glob("*.log")
        for match in re.finditer(r"permission denied: [^\"]+", log.read_text(errors="replace"))
    }
