"""`./landfall --profile foreign` in this process: a deployment that a clone without a stack of its own knows by a profile alone."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from include import contracts
from include.cli import main, services

NAME = "foreign"


@dataclass
class Foreign:
    """`folder` is an empty home, and holds the profiles."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def write(self, text: str, mode: int = 0o600) -> None:
        """The profiles, from now on."""
        path = self.folder / "profiles.toml"
        path.write_text(text)
        path.chmod(mode)
        self.monkeypatch.setenv("LANDFALL_PROFILES", str(path))
        self.monkeypatch.setenv("LANDFALL_HOME", str(self.folder / "home"))
        self.monkeypatch.setattr(contracts, "FOLDER", contracts.FOLDER)  # put back after the test

    def __call__(self, *arguments: str, code: int = 0, profile: str | None = NAME) -> str:
        """What the command prints on stdout."""
        self.capfd.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["landfall", *(["--profile", profile] if profile else []), *arguments])
        try:
            with pytest.raises(SystemExit) as ended:
                main.main()
        finally:
            services.choose(None)
        out, err = self.capfd.readouterr()
        assert (ended.value.code or 0) == code, f"{arguments}: {out}\n{err}"
        return out or err

    def json(self, *arguments: str, code: int = 0, profile: str = NAME) -> Any:
        return json.loads(self(*arguments, "--json", code=code, profile=profile))
