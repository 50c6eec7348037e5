"""A Kafka of its own, that may be stopped and started."""

from dataclasses import dataclass

import psutil

from include.stack import lifecycle as embedded
from include.stack import processes
from include.stack.settings import Settings


@dataclass(frozen=True)
class Broker:
    """A Kafka that a test may kill and stop; topics age out within a second or two where their retention says so."""

    settings: Settings

    @property
    def servers(self) -> str:
        return self.settings.endpoints.bootstrap_servers

    @property
    def process(self) -> psutil.Process:
        return processes.daemons(self.settings.home)["kafka"]

    def kill(self) -> None:
        self.process.kill()

    def start(self) -> None:
        embedded.up(self.settings, names=embedded.KAFKA)
