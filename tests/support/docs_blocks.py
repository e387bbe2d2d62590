"""The code blocks of the project's documents: which of them run as tests, and why others cannot.

A comment before a block says what is special about it:

    <!-- not run: needs a Google Cloud project -->      the block is only checked for its syntax
    <!-- runs in the background -->                     until the document ends
    <!-- serves port 9090 -->                           the same; the next block waits for the port
    <!-- runs in a page that shows TEXT -->             in a browser, until the page shows the text

`python -m support.docs_blocks` in `tests/` prints how many there are of each.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parents[2]
RUN_LANGUAGES = ("sh", "python", "js")
# A test of their own: tests/e2e/deployment plans every module's example.
PLANNED = re.compile(r"terraform/modules/[^/]+/README\.md")
_NOT_RUN = re.compile(r"<!--\s*not run: (?P<reason>.+?)\s*-->", re.DOTALL)
_BACKGROUND = re.compile(r"<!--\s*runs in the background\s*-->")
_PAGE = re.compile(r"<!--\s*runs in a page that shows (?P<text>.+?)\s*-->")
_SERVES = re.compile(r"<!--\s*serves port (?P<port>[0-9]+)\s*-->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block."""

    document: str
    """Path below the project's folder."""
    line: int
    """Of its first line of code, from 1."""
    language: str
    code: str
    not_run: str | None = None
    """Why it cannot run; None if it can."""
    in_background: bool = False
    port: int | None = None
    """The port that it serves, in the background."""
    page_text: str | None = None
    """What a page that runs it shows in the end; None if it does not run in a page."""

    @property
    def is_run(self) -> bool:
        return self.language in RUN_LANGUAGES and self.not_run is None

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    """Every Markdown file of the project that has code blocks. Without git: what a build gets is no repository."""
    ignored = GitIgnoreSpec.from_lines((ROOT / ".gcloudignore").read_text(encoding="utf-8").splitlines())
    names = []
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not ignored.match_file(f"{(here / name).as_posix()}/")]
        names += [(here / name).as_posix() for name in files if name.endswith(".md")]
    return [name for name in sorted(names) if not ignored.match_file(name) and any(True for _ in blocks(name))]


def blocks(document: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    comment = ""
    for token in MarkdownIt().parse((ROOT / document).read_text(encoding="utf-8")):
        if token.type == "html_block":
            comment = token.content
        elif token.type == "fence":
            assert token.map is not None
            not_run, serves, page = (pattern.search(comment) for pattern in (_NOT_RUN, _SERVES, _PAGE))
            yield Block(
                document=document,
                line=token.map[0] + 2,
                language=token.info.strip(),
                code=token.content,
                not_run=" ".join(not_run["reason"].split()) if not_run else None,
                in_background=bool(serves or _BACKGROUND.search(comment)),
                port=int(serves["port"]) if serves else None,
                page_text=page["text"] if page else None,
            )
            comment = ""
        elif token.content:
            comment = ""


def script(found: list[Block], examples: dict[str, str]) -> str:
    """One bash script that runs the blocks of a document in order, in one shell, and ends at the first error.

    Each block is announced on standard error as `@@ document:line`. Values that documents use as examples are replaced
    by those in `examples`, at word boundaries.
    """
    parts = [
        "set -euo pipefail",
        # A task needs a moment to give up its lease; a server under a debugger does not end by itself.
        "trap 'kill $(jobs -p) 2>/dev/null || :; for i in {1..99}; do [ -z \"$(jobs -pr)\" ] || sleep 0.1; done' EXIT",
        'curl() { command curl --fail-with-body "$@"; }',  # an error of the API is an error of the document
    ]
    for block in found:
        code = block.code
        for example, value in examples.items():
            code = re.sub(rf"\b{re.escape(example)}\b", value, code)
        parts.append(f"echo '@@ {block.place}' >&2")
        match block.language:
            case "python":
                code = f"python - <<'END_OF_BLOCK'\n{code}END_OF_BLOCK"
            case "js":
                run = f"tests/clients/browser_example.mjs {shlex.quote(block.page_text)} <" if block.page_text else ""
                code = f"cat > block.mjs <<'END_OF_BLOCK'\n{code}END_OF_BLOCK\nnode {run} block.mjs"
        if block.in_background:
            # Its last line is what keeps running; the lines before it set up the shell for the blocks that follow.
            *setup, last = code.replace("\\\n", " ").rstrip().splitlines()
            code = "\n".join([*setup, f"{last} &"])
        if block.port is not None:
            code += f"\npython -m support.docs_blocks wait {block.port}"
        parts.append(code.rstrip())
    return "\n".join(parts) + "\n"


def _print_counts() -> None:
    every = [block for document in documents() for block in blocks(document)]
    counts = Counter(
        "run"
        if block.is_run
        else f"not run: {block.not_run}"
        if block.not_run
        else f"{block.language}: {'planned by Terraform' if PLANNED.fullmatch(block.document) else 'parsed or text'}"
        for block in every
    )
    print(f"{len(every)} code blocks in {len({block.document for block in every})} documents")
    for what, count in counts.most_common():
        print(f"{count:4}  {what}")


def _wait_for_port(port: int) -> None:
    import socket

    from support.waiting import wait_until

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, f"port {port} to answer", timeout_s=120)


if __name__ == "__main__":
    import sys

    if sys.argv[1:2] == ["wait"]:
        _wait_for_port(int(sys.argv[2]))
    else:
        _print_counts()
