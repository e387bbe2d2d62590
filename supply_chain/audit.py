#!/usr/bin/env python3
"""Ask the public advisories about every locked package: audit.py [SOURCE …] (`make audit`)

A source is a lock file, by its path from the repository's root; by default all of them are asked about: Python
packages by pip-audit (PyPI's advisories, else OSV's), Rust crates by cargo-audit (RustSec's), npm packages by `npm
audit`.

Exit status: 0 every package was asked about, and none has a known vulnerability; 1 at least one has; 69 no known
vulnerability, but some packages could not be asked about: that is no clean result, and a build must not go on.

Environment: PIP_AUDIT, CARGO and NPM name the programs. RUSTSEC_DB is a folder with a copy of
github.com/RustSec/advisory-db, for a machine that reaches the registry of crates but not GitHub.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "supply_chain" / "accepted.toml"
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 69
SERVICES = ("pypi", "osv")
INSTALL_CARGO_AUDIT = "cargo install --locked cargo-audit@0.22.2"
TIMEOUT_S = 600
ENDINGS = {
    CLEAN: "Every package was asked about, and none has a known vulnerability that is not accepted.",
    VULNERABLE: "Packages have known vulnerabilities: update them with `make lock`, or accept an advisory for a time, "
    "with its reason, in supply_chain/accepted.toml.",
    UNKNOWN: "Not everything could be audited: whether the packages above have known vulnerabilities is unknown.",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One advisory about one locked package."""

    advisory: str
    package: str
    version: str
    fixed_in: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}: {self.advisory}, {self.fixed_in}"


@dataclass(frozen=True)
class Report:
    """What the advisories say about one lock file."""

    source: str
    asked: int = 0
    findings: tuple[Finding, ...] = ()
    unknown: str = ""
    """Why packages could not be asked about; empty if all were."""


class Unreadable(Exception):
    """The tool did not answer with a report; the message is what it said instead."""


def python_report(source: str, answer: str) -> Report:
    """Read what `pip-audit --format json` printed. It exits with 0 after skipping every package: skips are counted."""
    packages = _json(answer, "dependencies")["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    findings = {
        Finding(found["id"], package["name"], package["version"], _fixed(found["fix_versions"]))
        for package in packages
        for found in package.get("vulns", [])
    }
    unknown = f"{len(skipped)} of {len(packages)} packages: {skipped[0]['skip_reason']}" if skipped else ""
    return Report(source, len(packages) - len(skipped), tuple(sorted(findings)), unknown)


def rust_report(source: str, answer: str) -> Report:
    """Read what `cargo audit --json` printed."""
    content = _json(answer, "vulnerabilities")
    findings = {
        Finding(
            found["advisory"]["id"],
            found["package"]["name"],
            found["package"]["version"],
            _fixed(found["versions"]["patched"]),
        )
        for found in content["vulnerabilities"]["list"]
    }
    return Report(source, content["lockfile"]["dependency-count"], tuple(sorted(findings)))


def npm_report(source: str, answer: str) -> Report:
    """Read what `npm audit --json` printed."""
    content = _json(answer, "auditReportVersion")
    findings = {
        Finding(
            via["url"].rsplit("/", 1)[-1], via["name"], f"({via['range']})", _fixed(["npm audit fix"] if fix else [])
        )
        for name, package in content["vulnerabilities"].items()
        for via in package["via"]
        if isinstance(via, dict)
        for fix in [package["fixAvailable"]]
    }
    return Report(source, content["metadata"]["dependencies"]["total"], tuple(sorted(findings)))


def _fixed(versions: Iterable[str]) -> str:
    fixes = list(versions)
    return f"fixed in {', '.join(fixes)}" if fixes else "without a fix"


def _json(answer: str, key: str) -> dict[str, Any]:
    try:
        content = json.loads(answer)
    except ValueError:
        raise Unreadable from None
    if not isinstance(content, dict) or key not in content:
        raise Unreadable(content.get("message", "") if isinstance(content, dict) else "")
    return content


def _complaint(stderr: str) -> str:
    """The line of an error output that says most: the first that names an error, else the last."""
    lines = stderr.strip().splitlines() or ["it printed no report, and no error"]
    said = next((line for line in lines if "error" in line.lower()), lines[-1])
    return said.strip()[:200]


# --- running the tools ---


def ask(source: str, read: Callable[[str, str], Report], command: list[str], *, cwd: Path = ROOT) -> Report:
    """Run `command` and read its report. Whatever is no report means that nothing is known."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        return Report(source, unknown=f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Report(source, unknown=f"{command[0]} did not answer within {TIMEOUT_S} s")
    try:
        report = read(source, done.stdout)
    except Unreadable as error:
        return Report(source, unknown=str(error) or _complaint(done.stderr))
    if report.asked == 0:
        return Report(source, unknown=report.unknown or "no package was asked about")
    return report


def audit_python(source: str) -> Report:
    program = os.environ.get("PIP_AUDIT", "pip-audit")
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    reports = []
    for service in SERVICES:
        command = [program, "--vulnerability-service", service, *options, "--requirement", source]
        reports.append(ask(source, python_report, command))
        if not reports[-1].unknown:
            return reports[-1]
    return replace(
        max(reports, key=lambda report: report.asked),
        unknown="; ".join(f"{service}: {report.unknown}" for service, report in zip(SERVICES, reports, strict=True)),
    )


def audit_rust(source: str) -> Report:
    copy = os.environ.get("RUSTSEC_DB")
    offline = ["--db", copy, "--no-fetch"] if copy else []
    report = ask(source, rust_report, [os.environ.get("CARGO", "cargo"), "audit", "--json", "--file", source, *offline])
    if "no such command" in report.unknown:
        return Report(source, unknown=f"cargo-audit is not installed: {INSTALL_CARGO_AUDIT}")
    return report


def audit_npm(source: str) -> Report:
    folder = (ROOT / source).parent
    return ask(source, npm_report, [os.environ.get("NPM", "npm"), "audit", "--json", "--package-lock-only"], cwd=folder)


AUDITS: Mapping[str, Callable[[str], Report]] = {
    "requirements.txt": audit_python,
    "functions/requirements.txt": audit_python,
    "functions/requirements-build.txt": audit_python,
    "gpu_jobs/requirements-cuda12.txt": audit_python,
    "gpu_jobs/requirements-cuda13.txt": audit_python,
    "tests/clients/requirements.txt": audit_python,
    "tests/fuzz/requirements.txt": audit_python,
    "tests/mutation/requirements.txt": audit_python,
    "terraform/requirements-check.txt": audit_python,
    "supply_chain/audit.txt": audit_python,
    "rust_core/Cargo.lock": audit_rust,
    "tests/clients/package-lock.json": audit_npm,
}


# --- deciding ---


def accepted(text: str, today: datetime.date) -> set[tuple[str, str]]:
    """(advisory, package) of the entries in accepted.toml whose day has not come."""
    entries = tomllib.loads(text).get("accepted", [])
    return {(entry["advisory"], entry["package"]) for entry in entries if entry["reason"] and today <= entry["until"]}


def judge(reports: Iterable[Report], allowed: set[tuple[str, str]]) -> tuple[int, list[str]]:
    """Return the exit status and the lines to print. A known vulnerability outweighs what is unknown."""
    status, lines = CLEAN, []
    for report in reports:
        refused = [found for found in report.findings if (found.advisory, found.package) not in allowed]
        passed = len(report.findings) - len(refused)
        said = f"{report.asked} packages" + (f", {passed} accepted in supply_chain/accepted.toml" if passed else "")
        if refused:
            status = VULNERABLE
            lines += [f"VULNERABLE  {report.source}: {said}", *(f"            {found}" for found in refused)]
        elif report.unknown:
            status = status or UNKNOWN
        else:
            lines.append(f"clean       {report.source}: {said}")
        if report.unknown:
            lines.append(f"NOT AUDITED {report.source}: {report.unknown}")
    return status, lines


def main(sources: list[str]) -> int:
    unknown = set(sources) - set(AUDITS)
    if unknown:
        print(f"no audit for {', '.join(sorted(unknown))}; known: {', '.join(AUDITS)}", file=sys.stderr)
        return 2
    chosen = sources or list(AUDITS)
    reports = []
    for number, source in enumerate(chosen, start=1):
        if sys.stderr.isatty():
            print(f"asking about {source} ({number} of {len(chosen)}) …", file=sys.stderr, flush=True)
        reports.append(AUDITS[source](source))
    today = datetime.datetime.now(tz=datetime.UTC).date()
    status, lines = judge(reports, accepted(ACCEPTED.read_text(encoding="utf-8"), today))
    print("\n".join([*lines, ENDINGS[status]]))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
