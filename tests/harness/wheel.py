"""The wheel as a company builds and installs it: by pip, in a folder or an environment where the repository is out of reach."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(folder: Path) -> Path:
    """A virtualenv of its own with pip; returns its Python."""
    venv.EnvBuilder(with_pip=True, symlinks=True).create(folder)
    return folder / "bin" / "python"


def pip(python: Path, *arguments: str | Path, offline: bool = True) -> str:
    """What pip prints. Offline it has nothing but files that it is given."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", arguments[0], *(["--no-index"] if offline else []), *arguments[1:]]
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def build(python: Path, folder: Path) -> Path:
    """Builds it by the command of docs/install.md."""
    pip(python, "wheel", "--no-deps", "--wheel-dir", folder, ".")
    [wheel] = folder.glob("*.whl")
    return wheel


def import_path(*folders: Path) -> dict[str, str]:
    """What PYTHONPATH is to be for a program that is to see these folders and this virtualenv, and not the repository."""
    return {"PYTHONPATH": ":".join(map(str, folders)), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
