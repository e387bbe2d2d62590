"""The errors of the service model, with AWS's wording, because programs also check messages."""

from __future__ import annotations

from werkzeug.exceptions import HTTPException

from photofinish.errors import PhotofinishError


class RekognitionError(PhotofinishError):
    """Answer the request with this error of the protocol.

    `code` is the exception that an SDK raises. `retry_after_ms` is how long an SDK waits before it tries again.
    """

    def __init__(self, code: str, message: str, status: int = 400, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_ms = retry_after_ms


def invalid_parameter(message: str) -> RekognitionError:
    return RekognitionError("InvalidParameterException", message)


def no_faces() -> RekognitionError:
    return invalid_parameter("There are no faces in the image. Should be at least 1.")


def face_not_in_collection() -> RekognitionError:
    return invalid_parameter("faceId was not found in the collection")


def unknown_collection(collection: str) -> RekognitionError:
    return RekognitionError("ResourceNotFoundException", f"The collection id: {collection} does not exist")


def collection_exists(collection: str) -> RekognitionError:
    return RekognitionError("ResourceAlreadyExistsException", f"The collection id: {collection} already exists")


def unknown_user(user: str) -> RekognitionError:
    return RekognitionError("ResourceNotFoundException", f"The user id: {user} does not exist")


def user_exists(user: str) -> RekognitionError:
    return RekognitionError("ConflictException", f"The user id: {user} already exists")


def too_many_faces_of_user(user: str, maximum: int) -> RekognitionError:
    return RekognitionError("ServiceQuotaExceededException", f"The user id: {user} can have at most {maximum} faces")


def token_reused() -> RekognitionError:
    return RekognitionError(
        "IdempotentParameterMismatchException", "The ClientRequestToken was used before with other parameters"
    )


def invalid_token() -> RekognitionError:
    return RekognitionError("InvalidPaginationTokenException", "Request has invalid pagination token")


def invalid_s3_object() -> RekognitionError:
    # The same error for an unknown object, any other bucket, and an album that the key may not see.
    return RekognitionError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )


def image_too_large(message: str) -> RekognitionError:
    return RekognitionError("ImageTooLargeException", message)


def invalid_image_format(message: str = "Request has invalid image format") -> RekognitionError:
    return RekognitionError("InvalidImageFormatException", message)


def access_denied(operation: str) -> RekognitionError:
    return RekognitionError(
        "AccessDeniedException", f"The key is not authorized to perform: rekognition:{operation} on this resource"
    )


def throttled(retry_after_ms: int) -> RekognitionError:
    return RekognitionError("ThrottlingException", "Rate exceeded", retry_after_ms=retry_after_ms)


def serialization(message: str) -> RekognitionError:
    return RekognitionError("SerializationException", message)


def unknown_operation(message: str) -> RekognitionError:
    return RekognitionError("UnknownOperationException", message)


def unavailable() -> RekognitionError:
    return RekognitionError("InternalServerError", "The service is unavailable. Try your call again.", 500)


def internal() -> RekognitionError:
    return RekognitionError("InternalServerError", "An internal error occurred. It was logged.", 500)


def body_not_received(problem: HTTPException) -> RekognitionError:
    """The error for a body that was too large, too slow or not well-formed."""
    code = {408: "RequestTimeoutException", 413: "RequestEntityTooLargeException"}.get(problem.code or 400)
    return RekognitionError(code or "SerializationException", problem.description or "", problem.code or 400)
