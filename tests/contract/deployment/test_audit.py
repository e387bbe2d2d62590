"""`make audit` is green only if every locked package was asked about."""

from __future__ import annotations

import datetime
import json
import re
import sys
from pathlib import Path

import audit
import pytest
from audit import CLEAN, UNKNOWN, VULNERABLE, Finding, Report

ROOT = Path(__file__).parents[3]
FOUND = Finding("PYSEC-2019-217", "jinja2", "2.10", "fixed in 2.10.1")

# Shortened answers of pip-audit 2.10.1, cargo-audit 0.22.2 and npm 11.
PYTHON = {
    "dependencies": [
        {"name": "flask", "version": "3.1.3", "vulns": []},
        {
            "name": "jinja2",
            "version": "2.10",
            "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"]}],
        },
    ],
    "fixes": [],
}
RUST = {
    "database": {"advisory-count": 800},
    "lockfile": {"dependency-count": 75},
    "vulnerabilities": {
        "found": True,
        "count": 1,
        "list": [
            {
                "advisory": {"id": "RUSTSEC-2026-0001", "package": "pyo3"},
                "versions": {"patched": [">=0.30.1"], "unaffected": []},
                "package": {"name": "pyo3", "version": "0.30.0"},
            }
        ],
    },
}
NPM = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "ws": {
            "name": "ws",
            "via": [{"name": "ws", "url": "https://github.com/advisories/GHSA-3h5v-q93c-6h6q", "range": "<8.17.1"}],
            "fixAvailable": True,
        },
        "firebase": {"name": "firebase", "via": ["ws"], "fixAvailable": True},
    },
    "metadata": {"dependencies": {"total": 120}},
}


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that makes every tool print an answer, and exit with a status."""

    def answer(stdout: str, *, stderr: str = "", status: int = 0) -> None:
        (tmp_path / "stdout").write_text(stdout, encoding="utf-8")
        (tmp_path / "stderr").write_text(stderr, encoding="utf-8")
        program = tmp_path / "tool"
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/stdout\ncat {tmp_path}/stderr >&2\nexit {status}\n", "utf-8")
        program.chmod(0o755)
        for variable in ("PIP_AUDIT", "CARGO", "NPM"):
            monkeypatch.setenv(variable, str(program))

    return answer


def test_every_lock_file_is_audited() -> None:
    names = [*ROOT.glob("*.txt"), *ROOT.glob("[!.]*/*.txt"), *ROOT.glob("[!.]*/*/*.txt")]
    files = [file for file in names if "--hash=sha256:" in file.read_text(encoding="utf-8")]
    files += [*ROOT.glob("[!.]*/Cargo.lock"), *ROOT.glob("[!.]*/*/package-lock.json")]
    locks = {str(file.relative_to(ROOT)) for file in files}
    assert locks == set(audit.AUDITS)


def test_findings_of_each_tool_are_read() -> None:
    assert audit.python_report("a", json.dumps(PYTHON)) == Report("a", 2, (FOUND,))
    rust = audit.rust_report("b", json.dumps(RUST))
    assert (rust.asked, [str(found) for found in rust.findings]) == (
        75,
        ["pyo3 0.30.0: RUSTSEC-2026-0001, fixed in >=0.30.1"],
    )
    npm = audit.npm_report("c", json.dumps(NPM))
    assert (npm.asked, [found.advisory for found in npm.findings]) == (120, ["GHSA-3h5v-q93c-6h6q"])


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        # pip-audit exits with 0 and finds nothing where PyPI has no advisories to give.
        (
            json.dumps({"dependencies": [{"name": "flask", "skip_reason": "Dependency not found on PyPI"}]}),
            "",
            "1 of 1 packages: Dependency not found on PyPI",
        ),
        (json.dumps({"dependencies": []}), "", "no package was asked about"),
        ("", "Traceback\nrequests.exceptions.ConnectionError: api.osv.dev", "ConnectionError: api.osv.dev"),
        ("", "", "it printed no report, and no error"),
        ("[]", "", "it printed no report"),
    ],
)
def test_advisories_that_cannot_be_reached_are_no_clean_result(
    answering, capsys: pytest.CaptureFixture[str], stdout: str, stderr: str, said: str
) -> None:
    answering(stdout, stderr=stderr)
    assert audit.main(["functions/requirements.txt"]) == UNKNOWN
    printed = capsys.readouterr().out
    assert said in printed
    assert "clean" not in printed


def test_npm_and_cargo_that_are_refused_or_absent_are_no_clean_result(
    answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(json.dumps({"message": "405 Method Not Allowed", "error": {}}), status=1)
    assert audit.main(["tests/clients/package-lock.json"]) == UNKNOWN
    assert "405 Method Not Allowed" in capsys.readouterr().out
    answering("", stderr="error: no such command: `audit`\n\nhelp: find a package", status=101)
    assert audit.main(["rust_core/Cargo.lock"]) == UNKNOWN
    assert audit.INSTALL_CARGO_AUDIT in capsys.readouterr().out
    monkeypatch.setenv("NPM", "/nowhere/npm")
    assert audit.main(["tests/clients/package-lock.json"]) == UNKNOWN


def test_a_known_vulnerability_outweighs_what_is_unknown(answering, capsys: pytest.CaptureFixture[str]) -> None:
    answering(json.dumps(PYTHON), status=1)
    assert audit.main(["functions/requirements.txt", "rust_core/Cargo.lock"]) == VULNERABLE
    assert str(FOUND) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"dependencies": PYTHON["dependencies"][:1]}, CLEAN), (PYTHON, VULNERABLE), ({"dependencies": []}, UNKNOWN)],
    ids=["clean", "vulnerable", "unknown"],
)
def test_it_says_what_is_asked_on_a_terminal_and_how_it_ended(
    answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: object, status: int
) -> None:
    answering(json.dumps(answer))
    assert audit.main(["functions/requirements.txt"]) == status
    printed = capsys.readouterr()
    assert (printed.out.splitlines()[-1], printed.err) == (audit.ENDINGS[status], "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    audit.main(["functions/requirements.txt"])
    assert capsys.readouterr().err == "asking about functions/requirements.txt (1 of 1) …\n"


def test_an_accepted_advisory_is_accepted_until_its_day() -> None:
    text = (
        '[[accepted]]\nadvisory = "PYSEC-2019-217"\npackage = "jinja2"\nreason = "never called"\nuntil = 2026-11-30\n'
    )
    report = [Report("a", 2, (FOUND,))]
    status, lines = audit.judge(report, audit.accepted(text, datetime.date(2026, 11, 30)))
    assert (status, lines) == (CLEAN, ["clean       a: 2 packages, 1 accepted in supply_chain/accepted.toml"])
    assert audit.judge(report, audit.accepted(text, datetime.date(2026, 12, 1)))[0] == VULNERABLE
    assert audit.judge([Report("b", 1, (Finding("X", "jinja2", "1", ""),))], audit.accepted(text, datetime.date.min))[0]


def test_the_build_installs_the_pinned_tools() -> None:
    build = (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")
    assert audit.INSTALL_CARGO_AUDIT in build
    assert re.search(r"^pip-audit==[\d.]+$", (ROOT / "supply_chain/audit.in").read_text("utf-8"), re.MULTILINE)
