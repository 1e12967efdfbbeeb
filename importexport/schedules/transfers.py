"""Files from addresses and to them, in bounded time and flat memory."""

import base64
import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, BinaryIO

from django.conf import settings

from crm.models import Tenant
from importexport import errors
from importexport.net.addresses import NotAllowed, Target
from importexport.net.connecting import FAILURES, Clock, client_over, connect, is_cut_off, sentence_of
from importexport.schedules import addresses

#: Seconds until a connection stands, until the head of a response has come, and without a byte from then on.
CONNECTING, ANSWERING, SILENCE = 10.0, 60.0, 30.0
#: The statuses of a response to a file that was sent.
TAKEN = {200, 201, 202, 204}
#: The size of the pieces in which files are sent, in bytes.
PIECE = 64 * 1024
NAMES = {
    "NoSuchKey": "There is no such file.",
    "404": "There is no such file.",
    "NoSuchBucket": "There is no such bucket.",
    "AccessDenied": "The server may not use this file, or there is none.",
    "403": "The server may not use this file, or there is none.",
}


class TransferFailed(Exception):
    """A file could not be fetched or sent. The text is for the user; ``is_final`` if trying again would not help."""

    def __init__(self, sentence: str, *, is_final: bool = False) -> None:
        super().__init__(sentence)
        self.is_final = is_final


class Incoming:
    """A file as it arrives. What breaks off is an error, not the end of the file."""

    def __init__(self, read: Callable[[int], bytes], failures: "Failures") -> None:
        self._read, self._failures = read, failures

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end; raise TransferFailed."""
        with self._failures():
            return self._read(size)

    def seekable(self) -> bool:
        return False


Failures = Callable[[], Any]


@contextmanager
def fetched(address: str, *, tenant: Tenant, check: Callable[[], None]) -> Iterator[BinaryIO]:
    """Yield the file at an address, to be read once.

    Raises TransferFailed, TooLarge if the server says that the file exceeds RALLY_IMPORT_MAX_BYTES_ASYNC, and what
    ``check`` raises, which is called all the time.
    """
    clock = Clock(settings.RALLY_RUN_TIMEOUT, silence=SILENCE, check=check)
    opened = _fetched_from_bucket if addresses.is_bucket(address) else _fetched_by_https
    with opened(address, tenant, clock) as file:
        yield file


def send(
    file: BinaryIO, address: str, *, size: int, content_type: str, tenant: Tenant, check: Callable[[], None]
) -> None:
    """Send a file to an address. Raises TransferFailed, and what ``check`` raises, which is called all the time."""
    clock = Clock(settings.RALLY_RUN_TIMEOUT, silence=SILENCE, check=check)
    if addresses.is_bucket(address):
        _send_to_bucket(file, address, content_type, tenant, clock)
    else:
        _send_by_https(file, address, size, content_type, clock)


# --- https ---------------------------------------------------------------------------------------------------


@contextmanager
def _https_failures() -> Iterator[None]:
    try:
        yield
    except NotAllowed as why:
        raise TransferFailed(str(why), is_final=True) from None
    except http.client.IncompleteRead:
        raise TransferFailed(BROKEN_OFF) from None
    except FAILURES as error:
        raise TransferFailed(BROKEN_OFF if is_cut_off(error) else sentence_of(error, late=LATE)) from None


LATE = "The server was silent for too long, or the transfer took too long."
BROKEN_OFF = "The connection was closed before the end."


@contextmanager
def _exchange(method: str, address: str, clock: Clock, headers: dict[str, str], body: Any = None) -> Iterator[Any]:
    """Send a request; yield the response."""
    target = addresses.target_of(address)
    connecting = Clock(CONNECTING, check=clock.check)
    with connect(target, addresses.rule(), connecting, is_exact=True) as sock:
        # The whole time is for the body: a head that comes in drops would take it, too.
        answering = clock if body else Clock(ANSWERING, silence=clock.silence, check=clock.check)
        client = client_over(sock, target, answering)
        # A server may refuse a file before it has read it, and say why.
        with suppress(BrokenPipeError, ConnectionResetError):
            client.request(method, target.path, body=body, headers=_headers(target) | headers)
        with client.getresponse() as response:
            answering.go_on_like(clock)
            yield response


def _headers(target: Target) -> dict[str, str]:
    login = base64.b64encode(target.login.encode()).decode()
    return {"Host": target.place, "Connection": "close", "User-Agent": "Rally-Schedules/1"} | (
        {"Authorization": f"Basic {login}"} if target.login else {}
    )


@contextmanager
def _fetched_by_https(address: str, tenant: Tenant, clock: Clock) -> Iterator[Any]:
    limit = settings.RALLY_IMPORT_MAX_BYTES_ASYNC
    with ExitStack() as stack:
        with _https_failures():
            response = stack.enter_context(_exchange("GET", address, clock, {"Accept": "*/*"}))
        if response.status != 200:
            raise TransferFailed(problem_of(response.status))
        if (response.length or 0) > limit:
            raise errors.TooLarge(limit)

        def read(size: int) -> bytes:
            if not (data := response.read(size)) and response.length:
                raise TransferFailed(BROKEN_OFF)
            return data

        yield Incoming(read, _https_failures)


def _send_by_https(file: BinaryIO, address: str, size: int, content_type: str, clock: Clock) -> None:
    headers = {"Content-Type": content_type, "Content-Length": str(size)}
    body = iter(lambda: file.read(PIECE), b"")
    with _https_failures(), _exchange("PUT", address, clock, headers, body) as response:
        if response.status not in TAKEN:
            raise TransferFailed(problem_of(response.status))


def problem_of(status: int) -> str:
    """Return why a status does not mean success."""
    redirected = " Redirects are not followed." if 300 <= status < 400 else ""
    return f"The server answered {status}.{redirected}"


# --- buckets -------------------------------------------------------------------------------------------------


def _object_at(address: str, tenant: Tenant) -> tuple[Any, Any]:
    """Return a file in a bucket, as boto3 has it, and how it is to be transferred.

    Raises TransferFailed if the tenant may not use it (any more).
    """
    # Slow to import, and here already where the server allows buckets.
    from storages.backends.s3 import S3Storage  # noqa: PLC0415

    try:
        options, key = addresses.place_of(address, tenant=tenant)
    except NotAllowed as why:
        raise TransferFailed(str(why), is_final=True) from None
    return S3Storage(**options | {"location": ""}).bucket.Object(key), options["transfer_config"]


@contextmanager
def _bucket_failures() -> Iterator[None]:
    from boto3.exceptions import Boto3Error  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        said = f"The storage answered {code}." if re.fullmatch(r"\w{1,50}", code, re.ASCII) else "The storage refused."
        raise TransferFailed(NAMES.get(code, said)) from None
    except (ConnectTimeoutError, ReadTimeoutError, TimeoutError):
        raise TransferFailed(LATE) from None
    except (BotoCoreError, Boto3Error, OSError):
        raise TransferFailed("The storage could not be reached, or broke off.") from None


@contextmanager
def _fetched_from_bucket(address: str, tenant: Tenant, clock: Clock) -> Iterator[Any]:
    limit = settings.RALLY_IMPORT_MAX_BYTES_ASYNC
    with _bucket_failures():
        found = _object_at(address, tenant)[0].get()
    with closing(found["Body"]) as body:
        if found["ContentLength"] > limit:
            raise errors.TooLarge(limit)

        def read(size: int) -> bytes:
            clock.tick()
            return body.read(size)

        yield Incoming(read, _bucket_failures)


class Outgoing:
    """A file that is read for as long as there is time."""

    def __init__(self, file: BinaryIO, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def read(self, size: int = -1) -> bytes:
        self._clock.tick()
        return self._file.read(size)


def _send_to_bucket(file: BinaryIO, address: str, content_type: str, tenant: Tenant, clock: Clock) -> None:
    target, config = _object_at(address, tenant)
    with _bucket_failures():
        target.upload_fileobj(Outgoing(file, clock), ExtraArgs={"ContentType": content_type}, Config=config)
