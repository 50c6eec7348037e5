"""What the Dockerfile says of the virtualenv in the image."""

import re
from pathlib import Path

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"
WITHOUT = """
import sys

class LeftOut:
    @staticmethod
    def find_spec(name, *_):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the image", name=name)

sys.meta_path.insert(0, LeftOut)
"""


def left_out() -> set[str]:
    """Modules of the packages that the image does without."""
    [packages] = re.findall(r"--python /opt/tools/venv uninstall --quiet --yes \\\n +(.*) \\", DOCKERFILE.read_text())
    return {name.replace("-", "_") for name in packages.split()}


def without_what_is_left_out(folder: Path) -> str:
    """Makes a folder that, first on a Python's path, keeps it from importing these modules; returns the path."""
    (folder / "sitecustomize.py").write_text(WITHOUT.format(names=left_out()))
    return str(folder)
