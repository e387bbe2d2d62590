"""ZIP files by layout: readers of others accept them, whatever the sizes, and with missing files, too."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.zip_archive import ZipFile, ZipLayout, checksum, local_header, missing_text

_names = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/\\"), min_size=1, max_size=20)
_contents = st.dictionaries(_names, st.binary(max_size=60), max_size=6)
TAKEN_AT = datetime(2026, 5, 1, 10, 4, 26)


def written(contents: dict[str, bytes], missing: set[str] | frozenset[str] = frozenset()) -> bytes:
    """The archive, with zeros in the place of missing files."""
    files = [ZipFile(name=name, size_bytes=len(content), modified=TAKEN_AT) for name, content in contents.items()]
    layout = ZipLayout(tuple(files))
    parts = []
    for file, start in zip(files, layout.starts, strict=False):
        content = contents[file.name]
        header = local_header(file, checksum(content))
        assert sum(map(len, parts)) == start
        parts.append(bytes(len(header) + len(content)) if file.name in missing else header + content)
    there = {number: checksum(contents[file.name]) for number, file in enumerate(files) if file.name not in missing}
    parts.append(layout.tail(there))
    archive = b"".join(parts)
    assert len(archive) == layout.length
    return archive


@given(contents=_contents)
def test_python_reads_what_was_written(contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(written(contents))) as archive:
        assert archive.testzip() is None
        assert {one.filename: archive.read(one) for one in archive.infolist()} == contents
        assert all(one.date_time == (2026, 5, 1, 10, 4, 26) for one in archive.infolist())


@given(contents=_contents.filter(bool), data=st.data())
def test_missing_files_change_neither_length_nor_place(contents: dict[str, bytes], data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.sampled_from(sorted(contents)), min_size=1))
    archive = written(contents, missing)
    assert len(archive) == len(written(contents))
    there = {name: content for name, content in contents.items() if name not in missing}
    with zipfile.ZipFile(io.BytesIO(archive)) as reader:
        assert reader.testzip() is None
        [note] = [one for one in reader.namelist() if one not in there]
        assert note.startswith("MISSING")
        assert reader.read(note) == missing_text([name for name in contents if name in missing])
        assert {name: reader.read(name) for name in there} == there


@given(contents=_contents, position=st.integers(0, 1000))
def test_every_position_lies_in_one_file_or_behind_all(contents: dict[str, bytes], position: int) -> None:
    layout = ZipLayout(tuple(ZipFile(name=name, size_bytes=len(content)) for name, content in contents.items()))
    number = layout.index_at(position)
    if position >= layout.tail_at:
        assert number == len(contents)
    else:
        assert layout.starts[number] <= position < layout.starts[number + 1]


@pytest.mark.parametrize("missing", [set(), {"2.jpg"}], ids=["whole", "one missing"])
def test_files_beyond_four_gigabytes_are_found(tmp_path: Path, missing: set[str]) -> None:
    # A file of 5 GB of zeros that takes no disk: only what lies behind it is read.
    huge, small = ZipFile(name="1.raw", size_bytes=5 * 2**30), b"small"
    files = (huge, ZipFile(name="2.jpg", size_bytes=5), ZipFile(name="3.jpg", size_bytes=5))
    layout = ZipLayout(files)
    path = tmp_path / "huge.zip"
    with path.open("wb") as archive:
        archive.write(local_header(huge, 1))
        for number in (1, 2):
            archive.seek(layout.starts[number])
            archive.write(local_header(files[number], checksum(small)) + small)
        archive.write(
            layout.tail({n: 1 if n == 0 else checksum(small) for n in range(3) if files[n].name not in missing})
        )
    assert path.stat().st_size == layout.length
    with zipfile.ZipFile(path) as reader:
        assert reader.getinfo("1.raw").file_size == 5 * 2**30
        assert reader.read("3.jpg") == small
        if not missing:
            assert reader.read("2.jpg") == small


@pytest.mark.parametrize("command", [["unzip", "-t"], ["7z", "t"], ["7zz", "t"], ["bsdtar", "-tf"]], ids=lambda c: c[0])
@pytest.mark.parametrize("missing", [set(), {"cam2/IMG_1.jpg"}], ids=["whole", "one missing"])
def test_other_programs_accept_it(command: list[str], missing: set[str], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    contents = {"cam2/IMG_1.jpg": os.urandom(2000), "Zürich 日本.jpg": os.urandom(100), "empty.jpg": b""}
    path = tmp_path / "photos.zip"
    path.write_bytes(written(contents, missing))
    done = subprocess.run(
        [*command, path], capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # 7-Zip takes the place of a missing first file for a program in front of the archive, says so, and goes on.
    assert missing or "warning" not in (done.stdout + done.stderr).lower()
