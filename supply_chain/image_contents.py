#!/usr/bin/env python3
"""Hold a bill of materials against the image that this runs in; add the distribution's packages.

    image_contents.py SBOM

The build runs it in each image with the image's own Python, so it needs the standard library alone. It fails if the
image holds a Python package that the bill does not name with this version, or lacks one that it names. Then it adds
every Debian package to SBOM.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

OURS = {"photofinish-server", "photofinish-kernels"}
INSTALLERS = {"pip", "setuptools", "wheel"}
"""From the base image; a virtual environment holds copies."""
DEBIAN_FORMAT = "${Package}\\t${Version}\\t${Architecture}\\n"


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, str]:
    """Name → version of every installed Python package that is neither ours nor an installer."""
    found = {normalised(package.name): package.version for package in metadata.distributions()}
    return {name: version for name, version in found.items() if name not in OURS | INSTALLERS}


def differences(bill: Mapping[str, Any], packages: Mapping[str, str]) -> list[str]:
    """What the image and the bill disagree about, a sentence each."""
    named = {
        component["name"]: component["version"]
        for component in bill["components"]
        if component.get("purl", "").startswith("pkg:pypi/")
    }
    return [
        f"{name}: the image has {packages.get(name, 'none')}, the bill of materials {named.get(name, 'none')}"
        for name in sorted(named.keys() | packages.keys())
        if named.get(name) != packages.get(name)
    ]


def debian_components(lines: Iterable[str]) -> list[dict[str, str]]:
    """Components of what `dpkg-query --show` printed."""
    rows = [line.split("\t") for line in lines if line]
    return [
        {
            "bom-ref": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
        }
        for name, version, architecture in rows
    ]


def main(file: Path) -> int:
    bill = json.loads(file.read_text(encoding="utf-8"))
    different = differences(bill, installed())
    if different:
        print("\n".join(different), file=sys.stderr)
        return 1
    shown = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={DEBIAN_FORMAT}"], capture_output=True, text=True, check=True
    )
    debian = debian_components(shown.stdout.splitlines())
    bill["components"] = [c for c in bill["components"] if not c["bom-ref"].startswith("pkg:deb/")] + debian
    file.write_text(json.dumps(bill, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{file}: {len(bill['components'])} components, {len(debian)} of them of the distribution")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
