"""What `doctor` is made of: steps that each say what is so, or what is wrong and what mends it; and those of any address."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.errors import LandfallError

OK, FAILED, SKIPPED = "ok", "failed", "skipped"
PATIENCE = 5.0  # seconds for an address to answer

Check = tuple[str, Callable[[], str]]
"""A step's name, and what returns what it found, or raises Misconfigured."""


@dataclass(frozen=True)
class Step:
    """One look at one part. `state` is ok, failed or skipped; `fix`, of one that failed, is one line."""

    part: str
    step: str
    state: str
    detail: str
    fix: str = ""


class Misconfigured(LandfallError):
    """A step found something wrong: the message says what, `fix` what mends it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def run(part: str, checks: Sequence[Check]) -> list[Step]:
    """The steps in their order. One that fails is the last: what comes after it hangs on it, and is skipped."""
    steps: list[Step] = []
    for name, check in checks:
        if steps and steps[-1].state != OK:
            steps.append(Step(part, name, SKIPPED, "not looked at, for the step before"))
            continue
        try:
            steps.append(Step(part, name, OK, check()))
        except Misconfigured as error:
            steps.append(Step(part, name, FAILED, _line(error), error.fix))
        except (LandfallError, OSError, ValueError) as error:
            steps.append(Step(part, name, FAILED, _line(error), "None is known for this: the message is the part's own."))
        except (KeyError, TypeError, IndexError) as error:  # an answer of another form than the part's own
            said = f"the answer is not what was expected: {type(error).__name__}: {error}"
            steps.append(Step(part, name, FAILED, said, "See what listens there: another program, or another version."))
    return steps


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def number_of(number: int, what: str) -> str:
    """`1 broker`, `3 brokers`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def resolves(hosts: Sequence[str], where: str) -> str:
    """Raises Misconfigured for the first host that has no address; `where` says what names it."""
    found = []
    for host in hosts:
        try:
            address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        except (OSError, UnicodeError) as error:
            raise Misconfigured(
                f"{host} has no address: {error}", f"Correct {where}, or let this machine know the name (DNS, /etc/hosts)."
            ) from error
        found.append(host if host == address else f"{host} is {address}")
    return ", ".join(found)


def connects(addresses: Sequence[tuple[str, int]], where: str) -> str:
    """Raises Misconfigured for the first address where nobody takes a connection."""
    for host, port in addresses:
        try:
            socket.create_connection((host, port), PATIENCE).close()
        except ConnectionRefusedError as error:
            raise Misconfigured(
                f"nothing listens at {host}:{port}", f"Correct the port in {where}, or start what should listen there."
            ) from error
        except OSError as error:
            raise Misconfigured(
                f"{host}:{port} does not answer: {error}", f"Correct {where}, or open the way there (firewall, VPN)."
            ) from error
    return ", ".join(f"{host}:{port}" for host, port in addresses)


def address_of(text: str, default: int | None = None) -> tuple[str, int]:
    """`host:port`, perhaps with IPv6's brackets. Raises ValueError for what is none."""
    host, colon, port = text.strip().rpartition(":")
    if not colon and default is not None:
        return text.strip(), default
    if not host or not port.isdigit():
        raise ValueError(f"expected HOST:PORT, found {text!r}")
    return host.strip("[]"), int(port)
