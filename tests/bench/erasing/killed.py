"""Erase something of a local cloud, in a process that kills itself before a given writing call.

    python tests/bench/erasing/killed.py STATE_DIR KIND ALBUM ID CALLS

Ends as SIGKILL ends it, or with 0 when the erasure has no more than CALLS writing calls. Removing objects and erasing
documents of photos are two calls each, so it also dies halfway through them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.application.erasing import Eraser
from photofinish.domain.erasure import ErasedPhoto, ErasureKind, ErasureTarget, Reason
from photofinish.ports import ObjectVersion
from photofinish.ports.erasures import Bucket
from photofinish.wiring import App
from photofinish_cli.deployment import connect
from support.crashing import ERASURE_READS, Bomb, kill_this_process


class InHalves:
    """Passes calls on to a port, the long ones in two halves."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def remove(self, bucket: Bucket, versions: Iterable[ObjectVersion]) -> None:
        for half in _halves(list(versions)):
            self._port.remove(bucket, half)

    def erase_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> None:
        for half in _halves(list(photos)):
            self._port.erase_photos(album, half)


def _halves(items: list[Any]) -> list[list[Any]]:
    middle = (len(items) + 1) // 2
    return [half for half in (items[:middle], items[middle:]) if half]


def eraser(app: App, calls: int) -> Eraser:
    fuse = [calls]

    def bomb(port: Any) -> Any:
        return Bomb(port, fuse, reads=ERASURE_READS, kill=kill_this_process)

    return Eraser(
        bomb(app.erasures),
        app.documents,
        InHalves(bomb(app.erasable_documents)),
        InHalves(bomb(app.erasable_objects)),
        publish_people=bomb(app.projector).project_soon,
        issue_receipt=bomb(app.receipts).issue,
    )


def main() -> None:
    state_dir, kind, album, target_id, calls = sys.argv[1:]
    target = ErasureTarget(
        kind=ErasureKind(kind), album=album, id=target_id, with_originals=kind in {ErasureKind.PHOTO, ErasureKind.ALBUM}
    )
    eraser(connect(Path(state_dir)), int(calls)).erase(target, reason=Reason.REQUEST)


if __name__ == "__main__":
    main()
