"""Errors as the service model names them, worded as AWS words them: programs look at messages, too."""

from __future__ import annotations


class RekognitionError(Exception):
    """A request is answered with an error of the protocol.

    `code` is the exception that an SDK raises; 400 unless the service itself is at fault.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


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
    return RekognitionError("ServiceQuotaExceededException", f"The user id: {user} has {maximum} faces already")


def token_reused() -> RekognitionError:
    return RekognitionError(
        "IdempotentParameterMismatchException", "The ClientRequestToken was used before with other parameters"
    )


def invalid_token() -> RekognitionError:
    return RekognitionError("InvalidPaginationTokenException", "Request has invalid pagination token")


def invalid_s3_object() -> RekognitionError:
    # The same for an object that is not there, a bucket that is not ours, and an album that the key may not see.
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


def throttled() -> RekognitionError:
    return RekognitionError("ThrottlingException", "Rate exceeded")


def serialization(message: str) -> RekognitionError:
    return RekognitionError("SerializationException", message)


def unknown_operation(message: str) -> RekognitionError:
    return RekognitionError("UnknownOperationException", message)


def unavailable() -> RekognitionError:
    return RekognitionError("InternalServerError", "The service cannot answer right now. Try your call again.", 500)


def internal() -> RekognitionError:
    return RekognitionError("InternalServerError", "Something went wrong here. It was recorded.", 500)
