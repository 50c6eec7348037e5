"""What HDFS answers when it fails, as Python's errors, and which of them another try may mend."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

TRIES = 3

# What HDFS calls it, what Python calls it.
EXCEPTIONS: dict[str, type[Exception]] = {
    "AccessControlException": PermissionError,
    "AuthorizationException": PermissionError,
    "SecurityException": PermissionError,
    "InvalidToken": PermissionError,
    "FileNotFoundException": FileNotFoundError,
    "FileAlreadyExistsException": FileExistsError,
    "ParentNotDirectoryException": NotADirectoryError,
    "PathIsNotDirectoryException": NotADirectoryError,
    "IllegalArgumentException": ValueError,
    "InvalidPathException": ValueError,
    "UnsupportedOperationException": ValueError,
    "StandbyException": ConnectionError,
    "RetriableException": ConnectionError,
    "SafeModeException": ConnectionError,
}
TRANSIENT = (TimeoutError, ConnectionError)

T = TypeVar("T")


class HdfsError(OSError):
    """The NameNode or a DataNode refused, and Python has no name for why."""


def repeating(call: Callable[[], T]) -> T:
    """What `call` returns; tried again if the failure may pass. For what may be done twice."""
    tries = Retrying(
        retry=retry_if_exception_type(TRANSIENT),
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential_jitter(initial=0.1, max=2),
        reraise=True,
    )
    return tries(call)


def error_of(answer: requests.Response, what: str) -> Exception:
    """The exception that a failed answer stands for, in the words of the NameNode or DataNode."""
    try:
        told = answer.json()["RemoteException"]
        name, message = str(told["exception"]), str(told["message"]).partition("\n\tat ")[0]  # it may carry Java's stack
    except (ValueError, KeyError, TypeError):
        kind: type[Exception] = {401: PermissionError, 403: PermissionError, 404: FileNotFoundError}.get(answer.status_code, HdfsError)
        kind = ConnectionError if answer.status_code >= 500 else kind
        return kind(f"{what}: HTTP {answer.status_code} {answer.reason} from {urlsplit(answer.url).netloc}")
    return EXCEPTIONS.get(name, HdfsError)(f"{what}: {message}")


def cause(error: BaseException) -> BaseException:
    """The innermost reason: requests wraps urllib3, which wraps the socket."""
    inside = [getattr(error, "reason", None), error.__cause__, *reversed(error.args)]
    inner = next((each for each in inside if isinstance(each, BaseException)), None)
    return cause(inner) if inner else error
