"""Take the check to a machine that has a GPU but no network: all it needs besides this checkout, in files of 60 MiB.

    cd tests && python -m bench.gpu.pack OUT --photos DIR [--python 3.12] [--cuda 13]

OUT gets `part-00`, `part-01`, … of one archive: the locked packages for that Python, the models and the photos. CUDA
and cuDNN are not among them: they come with that machine's PyTorch, of the same CUDA.

On that machine, beside this checkout and with the parts in `/tmp`:

    mkdir /tmp/check && cat /tmp/part-* | tar xJ -C /tmp/check
    packages=$(python3 -c 'import nvidia; print(nvidia.__path__[0])')
    export LD_LIBRARY_PATH=$(find "$packages" -name lib | paste -sd:)
    export PYTHONPATH=/tmp/check/site:$PWD/shared:$PWD/gpu_jobs:$PWD/tests
    python3 -m bench.gpu.check /tmp/check/photos --models /tmp/check/models --json report.json
"""

from __future__ import annotations

import argparse
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import photofinish_kernels
from photofinish.analysis.models.catalogue import catalogue
from photofinish.analysis.models.settings import default_models_dir

ROOT = Path(__file__).parents[3]
PART_BYTES = 60 * 2**20
# What the analysis and the check import, and what onnxruntime-gpu needs.
PACKAGES = frozenset(
    {
        *(
            "cachetools",
            "flatbuffers",
            "numpy",
            "nvidia-ml-py",
            "onnxruntime-gpu",
            "opencv-python-headless",
            "packaging",
        ),
        *("pi-heif", "pillow", "platformdirs", "protobuf", "rawpy", "simplejpeg"),
    }
)


class Parts:
    """A file for writing that becomes several: `part-00`, `part-01`, …, each of at most `part_bytes`."""

    def __init__(self, folder: Path, part_bytes: int) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self.files: list[Path] = []
        self._left = 0

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while len(rest):
            if self._left == 0:
                self.files.append(self._folder / f"part-{len(self.files):02}")
                self.files[-1].unlink(missing_ok=True)
                self._left = self._part_bytes
            with self.files[-1].open("ab") as file:
                written = file.write(rest[: self._left])
            self._left -= written
            rest = rest[written:]
        return len(data)

    def flush(self) -> None:
        pass


def write_parts(folder: Path, out: Path, part_bytes: int = PART_BYTES) -> list[Path]:
    """Pack the content of `folder` into parts in `out`; together they are a .tar.xz."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("part-*"):
        old.unlink()
    parts = Parts(out, part_bytes)
    with (
        lzma.LZMAFile(parts, "w", preset=3) as compressed,  # type: ignore[arg-type]
        tarfile.open(fileobj=compressed, mode="w|") as archive,
    ):
        archive.add(folder, arcname=".")
    return parts.files


def only(lock: str, packages: frozenset[str]) -> str:
    """The entries of a lock file for these packages, with their hashes.

    Raises:
        ValueError: it lacks one.
    """
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ +#.*\n?", "", lock, flags=re.MULTILINE).strip())
    chosen = [entry for entry in entries if re.split(r"[\[=]", entry, maxsplit=1)[0] in packages]
    lacking = packages - {re.split(r"[\[=]", entry, maxsplit=1)[0] for entry in chosen}
    if lacking:
        raise ValueError(f"the lock file has no {', '.join(sorted(lacking))}")
    return "\n".join(chosen) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEGs, with labels.json if there is one")
    parser.add_argument("--python", default="3.12", help="of that machine (3.12)")
    parser.add_argument("--cuda", choices=("12", "13"), default="13", help="of that machine's PyTorch (13)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photofinish-gpu-check-") as folder:
        work = Path(folder)
        lock = work / "requirements.txt"
        lock.write_text(only((ROOT / f"gpu_jobs/requirements-cuda{given.cuda}.txt").read_text(), PACKAGES))
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--only-binary", ":all:", "--python-version", given.python]
        command += ["--python-platform", "x86_64-manylinux_2_28", "--target", str(work / "all/site"), "-r", str(lock)]
        subprocess.run(command, check=True)
        kernels = Path(photofinish_kernels.__path__[0])
        shutil.copytree(kernels, work / "all/site" / kernels.name, ignore=shutil.ignore_patterns("__pycache__"))
        (work / "all/models").mkdir()
        for model in catalogue():
            for file in (model.file, *(form.file for form in model.forms)):
                shutil.copy(default_models_dir() / file, work / "all/models")
        shutil.copytree(given.photos, work / "all/photos", ignore=lambda _, names: {n for n in names if not _kept(n)})
        for part in write_parts(work / "all", given.out):
            print(f"{part}  {part.stat().st_size / 2**20:.1f} MiB")


def _kept(name: str) -> bool:
    return name.endswith(".jpg") or name == "labels.json"


if __name__ == "__main__":
    main()
