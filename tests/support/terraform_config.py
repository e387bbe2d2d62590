"""Reads the Terraform configuration as written: expressions stay text; neither Terraform nor a provider is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from photofinish_cli.preflight.terraform_files import parsed

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"


@dataclass(frozen=True)
class Resource:
    """One `resource` block."""

    file: Path
    type: str
    name: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}: {self.type}.{self.name}"


def files() -> list[Path]:
    found = sorted(TERRAFORM.glob("*.tf")) + sorted(TERRAFORM.glob("modules/*/*.tf"))
    assert len(found) > 20, f"there are only {len(found)} files in {TERRAFORM}"
    return found


def resources(*types: str) -> Iterator[Resource]:
    """All resources, or those of some types; files without any of these are not parsed, which takes seconds for all."""
    for file in files():
        if types and not any(f'resource "{type_}"' in file.read_text(encoding="utf-8") for type_ in types):
            continue
        for block in parsed(file).get("resource", []):
            for type_, named in block.items():
                if types and type_ not in types:
                    continue
                for name, body in named.items():
                    yield Resource(file, type_, name, body)


def root(kind: str) -> dict[str, Any]:
    """The root module's blocks of one kind (`module`, `variable`, `locals`), by name."""
    blocks = [block for file in sorted(TERRAFORM.glob("*.tf")) for block in parsed(file).get(kind, [])]
    return {name: body for block in blocks for name, body in block.items() if not name.startswith("__")}


def modules() -> dict[str, dict[str, Any]]:
    """The root's module calls."""
    return root("module")


def optional_defaults(variable: str) -> dict[str, str]:
    """The defaults of an object variable of the root: attribute → text of its default."""
    return dict(re.findall(r"(\w+) = optional\(\w+, \"?([^\")]*)\"?\)", root("variable")[variable]["type"]))


def attribute_default(module: str, variable: str, attribute: str) -> str:
    """The default of an attribute of a module's object variable, as text."""
    [found] = [
        re.search(rf"\b{attribute} = optional\(\w+, \"?([^\")]*)\"?\)", block[variable]["type"])
        for block in parsed(TERRAFORM / "modules" / module / "variables.tf")["variable"]
        if variable in block
    ]
    assert found, f"{module}: {variable}.{attribute} has no default"
    return found[1]


def topic_names() -> dict[str, str]:
    """Key of each topic in `var.topics` → its default name."""
    return optional_defaults("topics")


def topic_of(expression: str) -> str:
    """The name of the topic that an expression such as `local.topic["work"]` refers to."""
    match = re.fullmatch(r'\$\{local\.topic\["(\w+)"\]\}', expression)
    assert match, f"{expression!r} is not a topic of the root module"
    return topic_names()[match[1]]


def environment_of(expression: Any) -> set[str]:
    """Names of the variables of an `env` argument: a map, or `merge(…)` of the root's locals and written-out maps."""
    if isinstance(expression, dict):
        return {name for name in expression if not name.startswith("__")}
    from_locals = {name for local in re.findall(r"\blocal\.(\w*env)\b", expression) for name in _local_env(local)}
    return from_locals | set(re.findall(r"\b([A-Z][A-Z0-9_]+) = ", expression))


def _local_env(name: str) -> set[str]:
    return environment_of(root("locals")[name])


@dataclass(frozen=True)
class Service:
    """A function as the root's `event_functions` or `http_functions` describes it (terraform/functions.tf)."""

    name: str
    target: str
    signature: Literal["cloudevent", "http"]
    uses: set[str]
    env: set[str]
    secret_env: set[str]
    publishes_to: set[str]
    subscriptions: dict[str, dict[str, Any]]
    """Its push subscriptions, with topics by name; empty for an HTTP function."""


def services() -> dict[str, Service]:
    """Every function of the root, by its target. A test of the plan (tests/e2e/deployment) checks this reading."""
    signatures: dict[str, Literal["cloudevent", "http"]] = {"event_functions": "cloudevent", "http_functions": "http"}
    found = {}
    for kind, signature in signatures.items():
        for name, function in root("locals")[kind].items():
            if name.startswith("__"):
                continue
            is_http, uses = signature == "http", set(function["uses"])
            service = Service(
                name=name,
                target=function["target"],
                signature=signature,
                uses=uses,
                env=_local_env("env")
                | (_local_env("face_env") if "faces" in uses else set())
                | ({"DATABASE_URL", "PHOTOFINISH_DATABASE_WAIT_S"} if "database" in uses else set())
                | (_local_env("http_env") if is_http else set())
                | (_local_env("words_env") if name == "api" else set())
                | environment_of(function.get("env", {})),
                secret_env=environment_of(function.get("secret_env", {}))
                | environment_of(function.get("operators_secret_env", {})),
                publishes_to={topic_names()[key] for key in function.get("publishes_to", [])},
                subscriptions={
                    subscription: body
                    | {key: topic_names()[body[key]] for key in ("topic", "dead_letter_topic") if key in body}
                    for subscription, body in function.get("subscriptions", {}).items()
                    if not subscription.startswith("__")
                },
            )
            found[service.target] = service
    return found
