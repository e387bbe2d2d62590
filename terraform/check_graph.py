#!/usr/bin/env python3
"""List every resource that Terraform may create before its API can be used: check_graph.py TERRAFORM [FOLDER]

TERRAFORM is `terraform` or a substitute such as `terraform-offline`; FOLDER is a copy of this folder (default: this).
Prints one resource a line. Exit status: 0 if there is none, 1 if there are some, 2 if Terraform fails.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
APIS = "module.foundation.time_sleep.apis_usable"
AGENTS = "module.foundation.time_sleep.agents_usable"
ENABLES = "google_project_service"  # calls an API that docs/deploy.md enables by hand


def graph(terraform: str, folder: Path) -> dict[str, set[str]]:
    """Return every resource of the configuration in `folder` with the resources that it directly depends on.

    `terraform graph` needs no credentials, but an initialised backend, so a copy gets a local one.
    """
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "terraform"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".terraform"))
        (copy / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        for arguments in (["init", "-input=false", "-no-color"], ["graph"]):
            done = subprocess.run([terraform, *arguments], cwd=copy, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.stderr.write(f"{terraform} {arguments[0]} failed:\n{done.stdout}{done.stderr}")
                raise SystemExit(2)
    depends: dict[str, set[str]] = defaultdict(set)
    for resource in re.findall(r'^\s*"([^"]+)" \[label=', done.stdout, re.MULTILINE):
        depends[resource] = set()
    for resource, earlier in re.findall(r'^\s*"([^"]+)" -> "([^"]+)"', done.stdout, re.MULTILINE):
        depends[resource].add(earlier)
    return depends


def type_of(resource: str) -> str:
    """The type in an address such as `module.a.module.b.data.google_project.this`."""
    return resource.split(".")[-2]


def earlier_than(resource: str, depends: dict[str, set[str]]) -> set[str]:
    """Return everything that exists before `resource` is created."""
    found: set[str] = set()
    waiting = [resource]
    while waiting:
        new = depends.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def too_early(depends: dict[str, set[str]], types: dict[str, dict[str, object]]) -> list[str]:
    """Return a sentence for every resource that may be created too early; `types` is tables/resource_types.toml."""
    found = []
    for resource in sorted(depends):
        type_ = type_of(resource)
        if not type_.startswith("google_") or type_ == ENABLES:
            continue
        if type_ not in types:
            found.append(f"{resource}: tables/resource_types.toml has no entry for {type_}")
            continue
        earlier = earlier_than(resource, depends)
        if APIS not in earlier:
            found.append(f"{resource} does not wait for {types[type_]['api']}: take the project from module.foundation")
        if types[type_].get("needs_agent") and AGENTS not in earlier:
            found.append(
                f"{resource} does not wait for the roles of its service agent, module.foundation.service_agents"
            )
    return found


def main(terraform: str, folder: str = str(HERE)) -> int:
    types = tomllib.loads((Path(folder) / "tables" / "resource_types.toml").read_text(encoding="utf-8"))
    depends = graph(terraform, Path(folder))
    if APIS not in depends or len(depends) < 50:
        sys.stderr.write(f"only {len(depends)} resources were found, or {APIS} is not among them\n")
        return 2
    early = too_early(depends, types)
    print("\n".join(early) if early else f"All {len(depends)} resources wait for the APIs that they need.")
    return 1 if early else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
