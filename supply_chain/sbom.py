#!/usr/bin/env python3
"""Write what each image holds as a software bill of materials, CycloneDX 1.6: sbom.py FOLDER (`make sbom`)

FOLDER/sbom-functions.json, FOLDER/sbom-gpu-jobs-cuda12.json and FOLDER/sbom-gpu-jobs-cuda13.json: every locked Python
package with its hashes, every Rust crate in the extension with its checksum, every default model with its SHA-256,
the base image with its digest, and the licence of each. Fails on a licence that supply_chain/licences.toml forbids,
and on an unknown one. The build adds the distribution's packages (image_contents.py).

Nothing is downloaded: licences are read from installed packages, from the crates that the Rust extension was built
of, and from licences.toml.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from license_expression import LicenseExpression as Expression  # type: ignore[import-untyped]
from license_expression import get_spdx_licensing
from packageurl import PackageURL
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
LICENCES = ROOT / "supply_chain" / "licences.toml"
IMAGES = {
    "functions": "functions/requirements.txt",
    "gpu-jobs-cuda12": "gpu_jobs/requirements-cuda12.txt",
    "gpu-jobs-cuda13": "gpu_jobs/requirements-cuda13.txt",
}
EXTENSION = "photofinish-kernels-python"
"""The crate that the Python extension is built of."""
IN_THE_IMAGE = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux"} | {
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
"""Values of environment markers in the images."""
SPDX = get_spdx_licensing()


class Refused(Exception):
    """A licence is unknown or forbidden. The message names each package."""


@dataclass(frozen=True)
class Part:
    """One thing in an image. A Python package has the SHA-256 of each file that pip accepts for it."""

    kind: str  # pypi, cargo, model or oci
    name: str
    version: str
    sha256: tuple[str, ...]
    licence: str | None
    """As its metadata or licences.toml states it; None if neither does."""


# --- what the images hold ---


def locked_packages(lock: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, version, SHA-256 of each of its files) of a lock file's packages that Linux images install."""
    for entry in re.split(r"\n(?=[a-z])", re.sub(r"^ *#.*\n", "", lock, flags=re.MULTILINE).strip()):
        requirement, *hashes = entry.replace("\\\n", " ").split("--hash=sha256:")
        name, version, marker = re.fullmatch(
            r"([a-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==([^ ;]+)(?: ; (.*))?", requirement.strip()
        ).groups()  # type: ignore[union-attr]
        environment: dict[str, str | Set[str]] = {**IN_THE_IMAGE, "extra": ""}
        if marker is None or Marker(marker).evaluate(environment):
            yield name, version, tuple(digest.strip() for digest in hashes)


def python_parts(lock: str, table: Mapping[str, Any]) -> list[Part]:
    return [
        Part("pypi", name, version, hashes, table["pypi"].get(name) or licence_of_installed(name))
        for name, version, hashes in locked_packages(lock)
    ]


@cache
def licence_of_installed(name: str) -> str | None:
    """Licence that the metadata of an installed package states, or None. Its version may differ by a marker."""
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    classified = [c.rsplit(" :: ", 1)[-1] for c in found.get_all("Classifier", []) if c.startswith("License ::")]
    whole = found.get_all("License", [])
    stated = [*found.get_all("License-Expression", []), *classified, *(text.splitlines()[0] for text in whole if text)]
    return stated[0] if stated else None


def rust_parts(tree: Mapping[str, Any], lock: Mapping[str, Any]) -> list[Part]:
    """The crates that the extension links, by `cargo metadata` and Cargo.lock: neither build scripts' nor tests'."""
    packages = {package["id"]: package for package in tree["packages"]}
    needs = {node["id"]: node["deps"] for node in tree["resolve"]["nodes"]}
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    [start] = [id_ for id_, package in packages.items() if package["name"] == EXTENSION]
    linked, found = [start], {start}
    for id_ in linked:
        for need in needs[id_]:
            normal = any(kind["kind"] is None for kind in need["dep_kinds"])
            macro = "proc-macro" in packages[need["pkg"]]["targets"][0]["kind"]
            if normal and not macro and need["pkg"] not in found:
                found.add(need["pkg"])
                linked.append(need["pkg"])
    parts = []
    for package in (packages[id_] for id_ in linked):
        if package["source"] is not None:  # ours have none
            digest = checksums[package["name"], package["version"]]
            licence = (package["license"] or "").replace("/", " OR ") or None
            parts.append(Part("cargo", package["name"], package["version"], (digest,), licence))
    return parts


def model_parts(catalogue: Mapping[str, Any]) -> list[Part]:
    return [
        Part("model", model["name"], model["version"], (model["sha256"],), model["licence"])
        for model in catalogue["model"]
    ]


def base_part(dockerfile: str) -> Part:
    [(image, digest)] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)@sha256:([0-9a-f]{64})$", dockerfile, re.MULTILINE)
    name, version = image.split(":")
    return Part("oci", name, version, (digest,), "PSF-2.0")


# --- licences ---


def spdx(licence: str, table: Mapping[str, Any]) -> Expression | None:
    """The SPDX expression of a stated licence, or None if it is no licence that SPDX has."""
    expression = table["names"].get(licence, licence)
    parsed = SPDX.parse(expression, validate=False)
    return None if SPDX.unknown_license_keys(parsed) else parsed


def is_allowed(licence: str, table: Mapping[str, Any]) -> bool:
    """Whether one choice of the licence is free of forbidden ones."""
    forbidden = re.compile("|".join(table["forbidden"]["licences"]))

    def allowed(part: Any) -> bool:
        if isinstance(part, SPDX.OR):
            return any(map(allowed, part.args))
        if isinstance(part, SPDX.AND):
            return all(map(allowed, part.args))
        return not forbidden.match(str(part))  # `GPL-3.0-only WITH GCC-exception-3.1` is one part

    expression = spdx(licence, table)
    if expression is None:
        return licence in table["allowed_names"]["licences"]
    return allowed(expression) or str(expression) in table["allowed_names"]["licences"]


def check(parts: Iterable[Part], table: Mapping[str, Any]) -> None:
    """Raise Refused if the licence of a part is unknown or forbidden, or a part has no hash."""
    refused = []
    for part in parts:
        if part.licence is None:
            refused.append(f"{part.name} {part.version}: no known licence; add it to supply_chain/licences.toml")
        elif not is_allowed(part.licence, table):
            refused.append(f"{part.name} {part.version}: {part.licence} is not allowed in an image")
        if not all(part.sha256) or not part.sha256:
            refused.append(f"{part.name} {part.version}: no hash")
    if refused:
        raise Refused("\n".join(refused))


# --- the document ---


def document(image: str, parts: Iterable[Part], table: Mapping[str, Any]) -> str:
    """The bill of materials as JSON: the same for the same parts, so without a time and a serial number."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    about = Component(type=ComponentType.CONTAINER, name=f"photofinish-{image}", version=version, bom_ref=image)
    components = [component(part, table) for part in parts]
    bom = Bom(components=components)
    bom.metadata.component = about
    bom.register_dependency(about, components)
    content = json.loads(JsonV1Dot6(bom).output_as_string())
    del content["serialNumber"], content["metadata"]["timestamp"]
    content["components"].sort(key=lambda found: str(found["bom-ref"]))
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def component(part: Part, table: Mapping[str, Any]) -> Component:
    kinds = {"model": ComponentType.MACHINE_LEARNING_MODEL, "oci": ComponentType.CONTAINER}
    purl = None if part.kind == "model" else PackageURL(part.kind, None, part.name, part.version)
    if part.kind == "oci":
        purl = PackageURL("oci", None, part.name, f"sha256:{part.sha256[0]}")
    expression = spdx(part.licence, table) if part.licence else None
    licence = LicenseExpression(str(expression)) if expression is not None else DisjunctiveLicense(name=part.licence)
    return Component(
        type=kinds.get(part.kind, ComponentType.LIBRARY),
        name=part.name,
        version=part.version,
        purl=purl,
        bom_ref=str(purl or f"model:{part.name}@{part.version}"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in part.sha256],
        licenses=[licence],
    )


def parts_of(image: str, table: Mapping[str, Any]) -> list[Part]:
    """Everything in one image of IMAGES."""
    folder = ROOT / ("functions" if image == "functions" else "gpu_jobs")
    catalogue = tomllib.loads((ROOT / "shared/photofinish/analysis/models/catalogue.toml").read_text(encoding="utf-8"))
    lock = tomllib.loads((ROOT / "rust_core/Cargo.lock").read_text(encoding="utf-8"))
    return [
        base_part((folder / "Dockerfile").read_text(encoding="utf-8")),
        *python_parts((ROOT / IMAGES[image]).read_text(encoding="utf-8"), table),
        *rust_parts(cargo_metadata(), lock),
        *model_parts(catalogue),
    ]


@cache
def cargo_metadata() -> dict[str, Any]:
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform"]
    done = subprocess.run(
        [*command, "x86_64-unknown-linux-gnu"], cwd=ROOT / "rust_core", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(
            f"cargo knows no licences before the Rust extension was built (make setup): {done.stderr.strip()}"
        )
    tree: dict[str, Any] = json.loads(done.stdout)
    return tree


def table_of_licences() -> dict[str, Any]:
    return tomllib.loads(LICENCES.read_text(encoding="utf-8"))


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    table = table_of_licences()
    for image in IMAGES:
        try:
            parts = parts_of(image, table)
            check(parts, table)
        except Refused as error:
            print(f"{image}:\n{error}", file=sys.stderr)
            return 1
        file = folder / f"sbom-{image}.json"
        file.write_text(document(image, parts, table), encoding="utf-8")
        print(f"{file}: {len(parts)} components, each with its hash and licence")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "out")))
