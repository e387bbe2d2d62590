"""Scenes found in joined videos whose cuts are known, by ours and by PySceneDetect where it is installed.

    python -m bench.video.scenes CLIPS      (in tests/, as `make bench-scenes` does)

Clips that are known by name (`joined_videos.py`) lie somewhere in the folder CLIPS; clips made here are added.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.video.joined_videos import FRAMES_A_SECOND, JoinedVideo, join, made_clips, shots
from photofinish.analysis.video.scenes import find_scenes
from photofinish.analysis.video.video_process import VideoProcess
from support.videos import file_fetch

_SUFFIXES = {".mp4", ".mov", ".avi", ".webm", ".mkv"}
Find = Callable[[Path], list[float]]


@dataclass
class Score:
    found: int = 0
    wrong: int = 0
    missed: int = 0
    video_s: float = 0.0
    took_s: float = 0.0

    @property
    def f1(self) -> float:
        return 2 * self.found / max(1, 2 * self.found + self.wrong + self.missed)


def ours(path: Path) -> list[float]:
    process = VideoProcess(file_fetch(path), path.stat().st_size)
    process.open()
    changes = [change for look in process.looks() for change in look.changes]
    process.end()
    end_s = changes[-1].at_s + 1 / FRAMES_A_SECOND
    return [scene.start_s for scene in find_scenes(changes, end_s)[1:]]


def peers() -> dict[str, Find]:
    if importlib.util.find_spec("scenedetect") is None:
        return {}
    from scenedetect import AdaptiveDetector, ContentDetector, SceneManager, ThresholdDetector, open_video

    def by(*detectors: type) -> Find:
        def find(path: Path) -> list[float]:
            manager = SceneManager()
            for detector in detectors:
                manager.add_detector(detector())
            manager.detect_scenes(open_video(str(path)))
            return [scene[0].seconds for scene in manager.get_scene_list()[1:]]

        return find

    return {
        "PySceneDetect, content": by(ContentDetector),
        "PySceneDetect, adaptive": by(AdaptiveDetector),
        "PySceneDetect, adaptive and threshold (fades)": by(AdaptiveDetector, ThresholdDetector),
    }


def _processor_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def score(videos: Sequence[JoinedVideo], find: Find, *, shown: bool = False) -> Score:
    total = Score()
    for video in videos:
        began = _processor_s()
        left = find(video.path)
        total.took_s += _processor_s() - began
        total.video_s += video.seconds
        missed = []
        for cut_s, tolerance_s in zip(video.cuts_s, video.tolerances_s, strict=True):
            near = [one for one in left if abs(one - cut_s) <= tolerance_s]
            if near:
                total.found += 1
                left.remove(min(near, key=lambda one: abs(one - cut_s)))
            else:
                missed.append(cut_s)
        total.missed += len(missed)
        total.wrong += len(left)
        if shown and (missed or left):
            print(video.path.name, "missed", missed, "wrong", left)
    return total


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("clips", type=Path)
    arguments.add_argument("--videos", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    cv2.setNumThreads(1)
    random = np.random.default_rng(given.seed)
    paths = sorted(path for path in given.clips.rglob("*") if path.suffix in _SUFFIXES)
    real = [shot for path in paths for shot in shots(path)]
    sets = {"clips": real, "made here": made_clips(random, 12)}
    with tempfile.TemporaryDirectory() as folder:
        for name, clips in sets.items():
            videos = [join(Path(folder) / f"{name}-{n}.mp4", clips, random, 12) for n in range(given.videos)]
            cuts = sum(len(video.cuts_s) for video in videos)
            for who, find in {"ours": ours, **peers()}.items():
                result = score(videos, find, shown=who == "ours")
                row = (
                    f"| {name}, {cuts} cuts | {who} | {result.f1:.3f} | {result.missed} | {result.wrong} | "
                    f"{result.video_s / result.took_s:.0f} |"
                )
                print(row, flush=True)


if __name__ == "__main__":
    main()
