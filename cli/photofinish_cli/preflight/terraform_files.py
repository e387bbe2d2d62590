"""Reads the Terraform configuration as written: expressions stay text; neither Terraform nor a provider is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from photofinish.errors import Misconfigured

Block = dict[str, Any]


class TerraformFiles:
    """The folder `terraform/` of a checkout, with the values of one environment."""

    def __init__(self, folder: Path, values: Mapping[str, Any]) -> None:
        """`values`: the root's variables as a `.tfvars` file sets them."""
        if not (folder / "main.tf").is_file():
            raise Misconfigured(
                f"{folder} does not hold the Terraform configuration: run the command in the checkout of photofinish, "
                "or name the folder with --terraform"
            )
        self._folder, self._values = folder, values

    def variable(self, name: str, attribute: str | None = None) -> Any:
        """The value of a variable of the root, or of one attribute of it: that of the environment, or its default."""
        body = self._blocks("variable", ".")[name]
        if attribute is None:
            return self._values.get(name, body.get("default"))
        given = self._values.get(name) or {}
        return given[attribute] if attribute in given else optional_defaults(body["type"]).get(attribute)

    def rules(self, name: str) -> list[Block]:
        """The validation rules of a variable of the root."""
        found: list[Block] = self._blocks("variable", ".")[name].get("validation", [])
        return found

    def default(self, module: str, variable: str) -> Any:
        """The default of a module's variable."""
        return self._blocks("variable", f"modules/{module}")[variable]["default"]

    def object_defaults(self, module: str, variable: str) -> dict[str, Any]:
        """The defaults of the attributes of a module's object variable."""
        return optional_defaults(self._blocks("variable", f"modules/{module}")[variable]["type"])

    def local(self, name: str) -> Any:
        """A local value of the root, as it is written."""
        return self._blocks("locals", ".")[name]

    def call(self, module: str) -> Block:
        """The arguments with which the root calls a module."""
        arguments: Block = self._blocks("module", ".")[module]
        return arguments

    def resources(self, module: str, type_: str) -> dict[str, Block]:
        """The resources of one type in a module, by name."""
        blocks = (block for file in self._files(f"modules/{module}") for block in parsed(file).get("resource", []))
        return {name: body for block in blocks for name, body in block.get(type_, {}).items()}

    def resource_types(self) -> set[str]:
        """The types of all resources of the root and its modules."""
        files = [*self._files("."), *sorted(self._folder.glob("modules/*/*.tf"))]
        return {
            match[1]
            for file in files
            for match in re.finditer(r'^resource "(\w+)"', file.read_text(encoding="utf-8"), re.MULTILINE)
        }

    def number(self, expression: Any) -> float:
        """The value of a written-out number or of a reference to a variable such as `var.search.max_instances`."""
        if isinstance(expression, int | float):
            return expression
        if reference := re.fullmatch(r"\$\{var\.(\w+)\.(\w+)\}", str(expression)):
            return self.number(self.variable(reference[1], reference[2]))
        try:
            return float(expression)
        except ValueError:
            raise Misconfigured(
                f"{expression!r} in {self._folder} is neither a number nor a reference to a variable"
            ) from None

    def _files(self, module: str) -> list[Path]:
        return sorted((self._folder / module).glob("*.tf"))

    def _blocks(self, kind: str, module: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for file in self._files(module):
            for block in parsed(file).get(kind, []):
                found |= {name: body for name, body in block.items() if not name.startswith("__")}
        return found


def optional_defaults(type_: str) -> dict[str, Any]:
    """The defaults in an object type: of `optional(number, 3)` the number 3, of `optional(string)` None."""
    found: dict[str, Any] = {}
    for match in re.finditer(r'(\w+) = optional\((\w+)(?:, (?:"([^"]*)"|([^",)]+)))?\)', type_):
        name, kind, text, other = match.groups()
        if kind == "number" and other is not None:
            found[name] = float(other) if "." in other else int(other)
        elif kind == "bool" and other is not None:
            found[name] = other == "true"
        else:
            found[name] = text
    return found


_parsed: dict[Path, Block] = {}


def parsed(file: Path) -> Block:
    """What is in a `.tf` or `.tfvars` file.

    Raises:
        Misconfigured: it cannot be read, or is not HCL.
    """
    if file not in _parsed:
        _parsed[file] = _parse(file)
    return _parsed[file]


def _parse(file: Path) -> Block:
    # Imported here: only this command reads HCL.
    try:
        import hcl2
        from hcl2 import SerializationOptions
        from lark.exceptions import LarkError
    except ImportError:
        raise Misconfigured(
            "preflight needs the package python-hcl2: run it in the checkout, after `make setup`"
        ) from None
    try:
        with file.open(encoding="utf-8") as text:
            content: Block = hcl2.load(text, serialization_options=SerializationOptions(strip_string_quotes=True))
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}") from None
    except (LarkError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file} is not a Terraform file: {str(error).splitlines()[0]}") from None
    return content


def values_of(file: Path) -> dict[str, Any]:
    """The variables that a `.tfvars` file sets."""
    return {name: value for name, value in parsed(file).items() if not name.startswith("__")}


def environments(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The `.tfvars` files of `environments/`, with the variables that they set."""
    for file in sorted((folder / "environments").glob("*.tfvars")):
        yield file, values_of(file)
