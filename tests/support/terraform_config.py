"""Reads the Terraform configuration as written: expressions stay text, no provider and no program is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
from hcl2 import SerializationOptions

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
_ENTRY_POINTS_MODULES = {"event-function", "http-function"}


@dataclass(frozen=True)
class Resource:
    """One `resource` block."""

    file: Path
    type: str
    name: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}: {self.type}.{self.name}"


@cache
def parsed(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8") as text:
        content: dict[str, Any] = hcl2.load(text, serialization_options=SerializationOptions(strip_string_quotes=True))
    return content


def files() -> list[Path]:
    found = sorted(TERRAFORM.glob("*.tf")) + sorted(TERRAFORM.glob("modules/*/*.tf"))
    assert len(found) > 20, f"there are only {len(found)} files in {TERRAFORM}"
    return found


def resources() -> Iterator[Resource]:
    for file in files():
        for block in parsed(file).get("resource", []):
            for type_, named in block.items():
                for name, body in named.items():
                    yield Resource(file, type_, name, body)


def modules() -> dict[str, dict[str, Any]]:
    """The root's module calls."""
    return {name: body for block in parsed(TERRAFORM / "main.tf")["module"] for name, body in block.items()}


def root_locals() -> dict[str, Any]:
    return {name: value for block in parsed(TERRAFORM / "main.tf")["locals"] for name, value in block.items()}


def optional_defaults(variable: str) -> dict[str, str]:
    """The defaults of an object variable of the root: attribute → text of its default."""
    for block in parsed(TERRAFORM / "variables.tf")["variable"]:
        if variable in block:
            return dict(re.findall(r"(\w+) = optional\(\w+, \"?([^\")]*)\"?\)", block[variable]["type"]))
    raise AssertionError(f"terraform/variables.tf has no variable {variable!r}")


def topic_names() -> dict[str, str]:
    """How the root calls a topic → its name by default."""
    return optional_defaults("topics")


def topic_of(expression: str) -> str:
    """The name of the topic that an expression such as `local.topic["work"]` means."""
    match = re.fullmatch(r'\$\{local\.topic\["(\w+)"\]\}', expression)
    assert match, f"{expression!r} is no topic of the root module"
    return topic_names()[match[1]]


def environment_of(expression: Any) -> dict[str, str]:
    """The variables of an `env` argument: `merge(local.env, …)` of the root's locals and of what is written out."""
    if isinstance(expression, dict):
        return {name: str(value) for name, value in expression.items()}
    variables: dict[str, str] = {}
    for name in re.findall(r"\blocal\.(\w*env)\b", expression):
        variables |= environment_of(root_locals()[name])
    return variables | dict(re.findall(r"\b([A-Z][A-Z0-9_]+) = ([^,}]+)", expression))


def of_this_key(expression: str, key: str) -> str:
    """`each.key == "api" ? X : Y` as it is for one key of a `for_each`; anything else as it is."""
    pattern = r'each\.key == "([\w-]+)"(?: && [^?]+)? \? (\{[^{}]*\}|\[[^\[\]]*\]) : (\{\}|\[\])'
    return re.sub(pattern, lambda found: str(found[2] if found[1] == key else found[3]), expression)


@dataclass(frozen=True)
class Service:
    """A function as the root sets it up."""

    name: str
    target: str
    env: dict[str, str]
    secret_env: set[str]
    publishes_to: set[str]
    project_roles: set[str]
    uses_database: bool
    signs_links: bool
    subscriptions: dict[str, dict[str, Any]]
    """Its push subscriptions; empty for a function that is called over HTTP."""


def services() -> dict[str, Service]:
    """Every function of the root, by its target."""
    found = {}
    for module in modules().values():
        if Path(module["source"]).name not in _ENTRY_POINTS_MODULES:
            continue
        several = {"": {"target": module["target"]}}
        if "for_each" in module:
            several = root_locals()[module["for_each"].removeprefix("${local.").removesuffix("}")]
        for key, values in several.items():
            env, secret_env = module["env"], module.get("secret_env", {})
            service = Service(
                name=key or module["name"],
                target=values["target"],
                env=environment_of(of_this_key(env, key) if isinstance(env, str) else env),
                secret_env=set(
                    environment_of(of_this_key(secret_env, key) if isinstance(secret_env, str) else secret_env)
                ),
                publishes_to={topic_of(topic) for topic in module.get("publishes_to", {}).values()},
                project_roles=set(re.findall(r"roles/[\w.]+", of_this_key(str(module.get("project_roles", "")), key))),
                uses_database="database" in module,
                signs_links=module.get("signs_links") == f'${{each.key == "{key}"}}',
                subscriptions=module.get("subscriptions", {}),
            )
            found[service.target] = service
    return found
