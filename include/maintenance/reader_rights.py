"""Every customer's readers, brought in line with the contracts whatever the customers' own DAGs do: paused, wrong, removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from include import contracts as customers
from include.contracts import Contract, ContractRefused
from include.errors import LandfallError, Refused
from include.storage import acl
from include.storage.webhdfs import WebHDFS

LAKES = "/lake"


class RightsNotKept(Refused):
    """Of some customers the rights could not be brought in line; the message names each with the reason."""


@dataclass
class Contracts:
    """Who may read whose tables, as far as the contracts say. `right` are those that a landing takes: their new readers get rights."""

    folder: Path
    readers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    right: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Contracts":
        """A wrong contract counts for the readers that it names; one that does not say is a problem."""
        found = cls(folder)
        for name, contract in customers.load_all(folder).items():
            try:
                found.readers[name] = contract.readers if isinstance(contract, Contract) else customers.readers_of(folder / f"{name}.yaml")
            except ContractRefused as error:
                found.problems[name] = str(error)
            if isinstance(contract, Contract):
                found.right.add(name)
        return found

    @contextmanager
    def of(self, customer: str) -> Iterator[None]:
        """Whatever is wrong with one customer, the others' rights are brought in line."""
        try:
            yield
        except (OSError, LandfallError) as error:
            self.problems.setdefault(customer, str(error))

    def readers_of(self, customer: str) -> tuple[str, ...]:
        """Nobody, where there is no contract. Raises ContractRefused where it does not say."""
        if customer in self.problems:
            raise ContractRefused(self.problems[customer])
        return self.readers.get(customer, ())

    @property
    def empty(self) -> bool:
        return not self.readers and not self.problems


def keep(fs: WebHDFS, folder: Path | None = None, root: str = LAKES) -> dict[str, list[str]]:
    """Takes the rights of all who are no readers any more, customer by customer, then gives new readers theirs.

    A customer without a contract has no readers. Nothing is changed where all is in line, nor in a directory that `access.grant` has not
    made a customer's. Returns by customer what was taken off. Raises RightsNotKept, after all others are done, that names each customer
    whose contract does not say who reads and each whose directory could not be changed; Refused, before any change, where there are no
    contracts at all.
    """
    contracts = Contracts.read(folder or customers.FOLDER)
    lakes = _lakes(fs, root)
    if lakes and contracts.empty:
        raise Refused(
            f"there are no contracts in {contracts.folder}, but {', '.join(lakes)} under {root}. No rights were changed. "
            f"Bring the contracts back. To take the rights of a last customer's readers, remove {root}/<customer>."
        )
    taken: dict[str, list[str]] = {}
    for name, path in lakes.items():
        with contracts.of(name):
            taken[name] = acl.shut_out(fs, path, contracts.readers_of(name))
    for name in lakes.keys() & contracts.right:
        with contracts.of(name):
            acl.grant(fs, lakes[name], contracts.readers_of(name))
    if contracts.problems:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(contracts.problems.items()))
        raise RightsNotKept(f"rights were left as they are, whoever may have been taken off: {reasons}. All others are in line.")
    return {name: entries for name, entries in taken.items() if entries}


def _lakes(fs: WebHDFS, root: str) -> dict[str, str]:
    """The directories that are customers', by name: `grant` has been there."""
    infos = fs.ls(root, detail=True) if fs.exists(root) else []
    paths = [str(info["name"]) for info in infos if info["type"] == "directory"]
    return {PurePosixPath(path).name: path for path in sorted(paths) if acl.was_granted(fs, path)}
