"""What the server refuses, as a gRPC status that the official clients know how to treat."""

from __future__ import annotations

import grpc


class Refused(Exception):
    """The request cannot be served; ``code`` tells the client's library whether trying again can help."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def number(self) -> int:
        """The code as ``google.rpc.Status`` carries it."""
        number: int = self.code.value[0]
        return number


def invalid(message: str) -> Refused:
    """The request is wrong whatever the state of the database."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> Refused:
    """The database is not in the state that the request requires."""
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


def not_found(message: str) -> Refused:
    """The document is not there."""
    return Refused(grpc.StatusCode.NOT_FOUND, message)


def already_exists(message: str) -> Refused:
    """The document is there already."""
    return Refused(grpc.StatusCode.ALREADY_EXISTS, message)


def aborted(message: str) -> Refused:
    """Another writer was first: run the whole transaction again."""
    return Refused(grpc.StatusCode.ABORTED, message)


def unimplemented(message: str) -> Refused:
    """Refused on purpose; the README says why."""
    return Refused(grpc.StatusCode.UNIMPLEMENTED, message)
