"""The pages' scripts and styles: what they import is there, and their pure parts keep their promises."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from photofinish_functions.pages.inline_styles import inline_style
from photofinish_functions.pages.module_graph import module_graph
from photofinish_functions.pages.service_worker import worker_script
from photofinish_functions.pages.static_files import FOLDER, StaticFiles

CLIENTS = Path(__file__).parents[3] / "clients"
SCRIPTS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_imports_is_there(name: str) -> None:
    script = FOLDER / name
    for imported in IMPORT.findall(script.read_text(encoding="utf-8")):
        assert (script.parent / imported).resolve().is_file(), f"{name} imports {imported}"


def test_a_page_names_the_modules_that_are_imported_at_once_nearest_first() -> None:
    sources = {
        "runner/page.js": 'import "../grid.js";\nimport { a,\n  b } from "./near.js";\nf(() => import("./x.js"));\n',
        "grid.js": 'export { rows } from "./rows.js";\nimport { el } from "./elements.js";\n',
        "runner/near.js": 'import { el } from "../elements.js";\nimport { loop } from "./page.js";\n',
        "rows.js": 'export const rows = 1; // from "./nothing.js"\n',
        "elements.js": "",
    }
    wanted = ["runner/page.js", "grid.js", "runner/near.js", "rows.js", "elements.js"]
    assert module_graph(["runner/page.js"], sources.__getitem__) == wanted


def test_a_style_that_is_written_into_a_page_finds_its_files() -> None:
    sheet = '/* The font */\n@font-face {\n  src: url("fonts/a.woff2");\n}\na {\n  background: url("data:,");\n}\n'
    assert inline_style([sheet, "b {\n}\n"], "/static/1/{}".format).text == (
        '@font-face {\nsrc: url("/static/1/fonts/a.woff2");\n}\na {\nbackground: url("data:,");\n}\nb {\n}'
    )


@pytest.mark.parametrize("name", [name for name in SCRIPTS if not name.startswith("vendor/")])
def test_no_script_makes_markup_of_text(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), name


def test_the_service_worker_keeps_static_files_only() -> None:
    static = StaticFiles.load()
    head = worker_script(static).decode()
    kept = re.findall(r'"(/[^"]+)"', head.split("const NAME")[0])
    assert static.address("runner/album.js") in kept
    assert {path for path in kept if not path.startswith(f"/static/{static.version}/")} == {"/offline"}
    assert not [path for path in kept if "/console/" in path]


def test_pure_parts_of_the_pages() -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("Node is not installed")
    result = subprocess.run([node, "--test", "rows.test.mjs"], cwd=CLIENTS, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
