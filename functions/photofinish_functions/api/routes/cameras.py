"""The cameras of an album, and the shifts of their clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, BeforeValidator, Field

from photofinish.application.camera_clocks import FoundShifts, find_shifts
from photofinish.domain.access import Scope
from photofinish.domain.camera_clocks import MAX_SHIFT, AlbumCamera, ShiftEstimate
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.patterns import WITHOUT_NUL
from photofinish_functions.api.schemas import (
    AlbumPath,
    Input,
    Output,
    Parameters,
    Score,
    example,
    new_blueprint,
    storable,
)

MAX_CAMERAS = 1000
_MAX_SHIFT_S = int(MAX_SHIFT.total_seconds())
CameraName = Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL), AfterValidator(storable)]
ShiftSeconds = Annotated[int, Field(ge=-_MAX_SHIFT_S, le=_MAX_SHIFT_S)]
CameraTime = Annotated[str, BeforeValidator(datetime.isoformat)]


class CamerasQuery(Parameters):
    find: bool = Field(False, description="Also estimate the shifts, which takes seconds in a large album.")
    reference: CameraName | None = Field(
        None, description="The camera whose clock is right; by default the one with most photos."
    )


class ShiftsBody(Input):
    """The shift of each camera whose clock is off; a camera that is left out has none."""

    shifts_s: dict[CameraName, ShiftSeconds] = Field(
        max_length=MAX_CAMERAS,
        description="Seconds that are added to a camera's clock: 3600 for one that is an hour behind.",
        json_schema_extra=example({"NIKON D850": 3600}),
    )


class FoundShiftJson(Output):
    """The shift that the people and numbers on the photos suggest."""

    shift_s: int
    confidence: Score = Field(
        description="0 to 1: at least this share of the people fits (with 95 % certainty). Few people prove little."
    )
    agreeing: int = Field(description="People or numbers whose times fit within two minutes.")
    subjects: int = Field(description="People or numbers on photos of both cameras.")

    @classmethod
    def of(cls, estimate: ShiftEstimate) -> FoundShiftJson:
        return cls.from_object(estimate, shift_s=round(estimate.shift.total_seconds()))


class CameraJson(Output):
    name: str
    photos: int
    first: CameraTime | None = Field(description="Time of its first photo by its own clock.")
    last: CameraTime | None
    shift_s: int = Field(description="Seconds that are added to its clock; set by a user.")
    found: FoundShiftJson | None = Field(description="Null unless asked for, or where no other camera shares a person.")


class CamerasAnswer(Output):
    """The cameras on the photos of an album, by name."""

    reference: str | None = Field(description="The camera that the found shifts refer to; null unless asked for.")
    cameras: list[CameraJson]

    @classmethod
    def of(cls, shifts: FoundShifts) -> CamerasAnswer:
        return cls(
            reference=shifts.reference,
            cameras=[_camera(camera, shifts.found.get(camera.name)) for camera in shifts.cameras],
        )


def _camera(camera: AlbumCamera, found: ShiftEstimate | None) -> CameraJson:
    return CameraJson.from_object(
        camera, shift_s=round(camera.shift.total_seconds()), found=FoundShiftJson.of(found) if found else None
    )


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("cameras", "Clocks of cameras.")

    def shown(album: str) -> dict[str, Any]:
        cameras = tuple(services.camera_clocks.cameras(album))
        return CamerasAnswer.of(FoundShifts(cameras=cameras, reference=None, found={})).model_dump()

    @api.get("/albums/<album>/cameras", responses={200: CamerasAnswer})
    @guarded(Scope.WRITE, "show_cameras")
    @fails_with("invalid_query", "invalid_value")
    def show_cameras(path: AlbumPath, query: CamerasQuery) -> dict[str, Any]:
        """List the cameras of an album with the shifts of their clocks, and estimate the shifts if asked to."""
        if not query.find and query.reference is None:
            return shown(path.album)
        shifts = find_shifts(services.camera_clocks, path.album, reference=query.reference)
        return CamerasAnswer.of(shifts).model_dump()

    @api.put("/albums/<album>/cameras", responses={200: CamerasAnswer})
    @guarded(Scope.WRITE, "set_camera_shifts", makes_album=True)
    @fails_with("invalid_value")
    def set_camera_shifts(path: AlbumPath, body: ShiftsBody) -> dict[str, Any]:
        """Replace the shifts of an album's cameras, for all its photos. `taken_at` stays as the cameras wrote it."""
        shifts = {camera: timedelta(seconds=seconds) for camera, seconds in body.shifts_s.items()}
        services.camera_clocks.set_shifts(path.album, shifts)
        audit(count=len(shifts))
        return shown(path.album)

    return api
