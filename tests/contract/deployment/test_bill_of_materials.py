"""The bill of materials names everything that is locked, with its hashes and licence; forbidden licences fail."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import image_contents
import pytest
import sbom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from sbom import Part, Refused

ROOT = Path(__file__).parents[3]
TABLE = sbom.table_of_licences()


@pytest.fixture(scope="module", params=list(sbom.IMAGES))
def bill(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    parts = sbom.parts_of(request.param, TABLE)
    sbom.check(parts, TABLE)
    content: dict[str, Any] = json.loads(sbom.document(request.param, parts, TABLE))
    return request.param, content


def named(content: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in content["components"] if c["bom-ref"].startswith(kind)}


def test_every_locked_package_is_named_with_its_hashes_and_licence(bill: tuple[str, dict[str, Any]]) -> None:
    image, content = bill
    packages = named(content, "pkg:pypi/")
    lock = (ROOT / sbom.IMAGES[image]).read_text(encoding="utf-8")
    entries = re.findall(
        r"^([a-z0-9._-]+)(?:\[\S+\])?==([^ ;\\]+)([^\n]*(?:\n +--hash=\S+(?: \\)?)+)", lock, re.MULTILINE
    )
    assert len(entries) > 70
    for name, version, rest in entries:
        if re.search(r"sys_platform == 'win32'|python_full_version >= '3.12'", rest.splitlines()[0]):
            continue  # not in a Linux image with Python 3.11
        assert packages[name]["version"] == version
        assert {found["content"] for found in packages[name]["hashes"]} == set(
            re.findall(r"sha256:([0-9a-f]{64})", rest)
        )
        assert packages[name]["licenses"], name


def test_crates_models_and_the_base_are_named_too(bill: tuple[str, dict[str, Any]]) -> None:
    _, content = bill
    crates = named(content, "pkg:cargo/")
    assert {"pyo3", "numpy", "rustfft"} <= crates.keys()
    assert not {"proptest", "rand"} & crates.keys(), "crates of tests are in no image"
    assert {"yunet", "sface"} <= named(content, "model:").keys()
    assert re.search(r"python@sha256%3A[0-9a-f]{64}|python@sha256:[0-9a-f]{64}", str(named(content, "pkg:oci/")))
    assert all(component["hashes"] and component["licenses"] for component in content["components"])


def test_it_follows_the_schema(bill: tuple[str, dict[str, Any]]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill[1])) is None


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("LGPL-3.0-only", True),
        ("MIT OR GPL-2.0-only", True),
        ("GPL-3.0-only WITH GCC-exception-3.1", True),
        ("NVIDIA Software License Agreement", True),
        ("GPL-2.0-only", False),
        ("MIT AND GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("SSPL-1.0", False),
        ("CC-BY-NC-4.0", False),
        ("Our own terms", False),
    ],
)
def test_a_forbidden_or_unknown_licence_is_refused(licence: str, allowed: bool) -> None:
    part = Part("pypi", "it", "1", ("00" * 32,), licence)
    if allowed:
        sbom.check([part], TABLE)
    else:
        with pytest.raises(Refused, match=r"it 1: .* is not allowed in an image"):
            sbom.check([part], TABLE)


def test_a_package_without_a_licence_or_a_hash_is_refused() -> None:
    with pytest.raises(Refused, match="it 1: no known licence") as refused:
        sbom.check([Part("pypi", "it", "1", (), None)], TABLE)
    assert "it 1: no hash" in str(refused.value)


def test_the_documents_name_every_licence_that_asks_for_more_than_a_notice() -> None:
    text = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    for image in sbom.IMAGES:
        for part in sbom.parts_of(image, TABLE):
            if part.licence and re.search("LGPL|MPL|NVIDIA", part.licence):
                family = re.sub(r"-(binary|pool)$", "", part.name)
                family = "CUDA" if part.name.startswith("nvidia-") else family
                assert family in text, f"docs/licences.md does not name {part.name}: {part.licence}"


def test_an_image_that_differs_from_its_bill_is_refused() -> None:
    content = {"components": [{"name": "flask", "version": "3.1.3", "purl": "pkg:pypi/flask@3.1.3", "bom-ref": "x"}]}
    assert image_contents.differences(content, {"flask": "3.1.3"}) == []
    assert image_contents.differences(content, {"flask": "3.1.2", "new": "1"}) == [
        "flask: the image has 3.1.2, the bill of materials 3.1.3",
        "new: the image has 1, the bill of materials none",
    ]
    assert image_contents.differences(content, {}) == ["flask: the image has none, the bill of materials 3.1.3"]


def test_the_distributions_packages_are_components() -> None:
    [component] = image_contents.debian_components(["bash\t5.2.15-2+b8\tamd64", ""])
    assert component["purl"] == "pkg:deb/debian/bash@5.2.15-2+b8?arch=amd64"
