"""boto3 clients, and their errors as messages for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from photofinish.errors import Misconfigured, NotFound, PhotofinishError, RejectedInput, Unavailable
from photofinish.settings import RekognitionClientSettings

if TYPE_CHECKING:
    from botocore.config import Config
    from types_boto3_rekognition import RekognitionClient

# Some seconds between attempts: our own rate limits are waited for, and those of AWS.
_ATTEMPTS = 8
_REFUSED_CREDENTIALS = {
    "AccessDeniedException",
    "AccessDenied",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_NOT_THERE = {"ResourceNotFoundException", "NoSuchBucket", "NoSuchKey"}
_TRY_LATER = {"InternalServerError", "ProvisionedThroughputExceededException", "ThrottlingException", "SlowDown"}


def check_boto3() -> None:
    """Raises Misconfigured where boto3 is not installed."""
    if find_spec("boto3") is None:
        raise Misconfigured("this command needs boto3: run `pip install -e '.[rekognition]'` in the checkout")


@contextmanager
def translated_errors(whose: str) -> Iterator[None]:
    """Turn botocore's errors of the block into ours; `whose` begins the sentence: ``your Amazon Rekognition``."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _of_service(error.response.get("Error", {}), whose) from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise Unavailable(f"{whose} does not answer: {error}") from error
    except exceptions.BotoCoreError as error:  # no credentials, no region, no such profile
        raise Misconfigured(f"{whose} cannot be asked: {error}") from error


def source_client(*, profile: str | None, region: str | None, endpoint_url: str | None) -> RekognitionClient:
    """Amazon Rekognition as the customer's own AWS configuration names it.

    Raises:
        Misconfigured: there is no such profile, or no region.
    """
    import boto3

    with translated_errors("your Amazon Rekognition"):
        session = boto3.Session(profile_name=profile, region_name=region)
        return session.client("rekognition", endpoint_url=endpoint_url, config=_config())


def target_client() -> RekognitionClient:
    """The function `rekognition` of the deployment in the environment.

    Raises:
        Misconfigured: names every variable that is missing.
    """
    import boto3

    settings = RekognitionClientSettings.from_env()
    return boto3.client(
        "rekognition",
        endpoint_url=settings.rekognition_url,
        region_name="us-east-1",  # part of every signature, and no more than that
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key.get_secret_value(),
        config=_config(),
    )


def _config() -> Config:
    from botocore.config import Config

    return Config(retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"}, max_pool_connections=64)


def _of_service(error: object, whose: str) -> PhotofinishError:
    assert isinstance(error, dict)
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    sentence = f"{whose} says {code}: {message}"
    if code in _REFUSED_CREDENTIALS:
        return Misconfigured(sentence)
    if code in _NOT_THERE:
        return NotFound(sentence)
    return Unavailable(sentence) if code in _TRY_LATER else RejectedInput(code, sentence)
