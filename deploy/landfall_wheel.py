"""Builds the wheel of Landfall for an Airflow that is there already: `pip wheel --no-deps .` calls this, as PEP 517 has it.

The repository's top-level folders become one package, so that nothing of ours meets a project's own `include/` or `plugins/`:

    include/     landfall_airflow/include/       without the contracts, which a deployment has outside of the code
    plugins/     landfall_airflow/plugins/
    dags/        landfall_airflow/dags/
    spark_jobs/  landfall_airflow/spark_jobs/    as they are: programs for spark-submit, which import each other

In the first three, imports of ours get the package's name in front; nothing else of a file changes, nor the number of any line. What is not
an import is not looked at: code finds its neighbours by `__name__` and `__file__`. tests/unit/test_wheel.py imports every module of a wheel
where the repository is out of reach.

It needs nothing but Python, so building needs no network.
"""

import ast
import base64
import hashlib
import io
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "landfall_airflow"
FOLDERS = ("include", "plugins", "dags", "spark_jobs")
REWRITTEN = ("include", "plugins", "dags")
LEFT_OUT = re.compile(r"(^|/)(__pycache__|\.[^/]*)(/|$)|\.pyc$|^include/customers/[^/]*\.yaml$")
INIT = '"""Landfall, as a package for an Airflow: made of the repository\'s folders by deploy/landfall_wheel.py."""\n'
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every file: the same sources are the same bytes


class NotRewritable(ValueError):
    """An import that cannot be given another name without changing what it means."""


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """Writes the wheel into this folder, returns its file's name."""
    project = _project()
    stem = f"{PACKAGE}-{project['version']}"
    files = {**dict(sources(ROOT)), **metadata(project, f"{stem}.dist-info")}
    files[f"{stem}.dist-info/RECORD"] = record(files, f"{stem}.dist-info/RECORD")
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return name


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Writes what the wheel is built of into this folder, returns its file's name: `python -m build` goes by it."""
    project = _project()
    stem = f"{PACKAGE}-{project['version']}"
    files = {path: (ROOT / path).read_bytes() for path in ("pyproject.toml", "README.md", "LICENSE", "deploy/landfall_wheel.py")}
    files |= {place: path.read_bytes() for folder in FOLDERS for place, path in _files(ROOT, folder)}
    files["PKG-INFO"] = metadata(project, "")["/METADATA"]
    with tarfile.open(Path(sdist_directory) / f"{stem}.tar.gz", "w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return f"{stem}.tar.gz"


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _files(root: Path, folder: str) -> Iterator[tuple[str, Path]]:
    """The folder's files that are a part of the package, by their place in the repository."""
    for path in sorted(each for each in (root / folder).rglob("*") if each.is_file()):
        place = path.relative_to(root).as_posix()
        if not LEFT_OUT.search(place):
            yield place, path


def sources(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the package, by its path in the wheel."""
    names = of_ours(root)
    yield f"{PACKAGE}/__init__.py", INIT.encode()
    for folder in FOLDERS:
        if folder in REWRITTEN and not (root / folder / "__init__.py").exists():
            yield f"{PACKAGE}/{folder}/__init__.py", INIT.encode()
        for place, path in _files(root, folder):
            content = path.read_bytes()
            if folder in REWRITTEN and path.suffix == ".py":
                content = rewritten(content, names, place)
            yield f"{PACKAGE}/{place}", content


def of_ours(root: Path) -> dict[str, str]:
    """What is imported by a top-level name in the repository, and its parent in the package."""
    modules = [*(root / "plugins").glob("*.py"), *(path.parent for path in (root / "plugins").glob("*/__init__.py"))]
    return {"include": PACKAGE, **{path.stem: f"{PACKAGE}.plugins" for path in modules if path.stem != "__init__"}}


def rewritten(source: bytes, names: Mapping[str, str], place: str) -> bytes:
    """The module with the package's name before each import of ours. Raises NotRewritable, naming the line."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        text = lines[node.lineno - 1]
        before, statement = text[: node.col_offset], text[node.col_offset :]
        statement = _from(node, statement, names) if isinstance(node, ast.ImportFrom) else _import(node, statement, names, place)
        lines[node.lineno - 1] = before + statement
    return b"".join(lines)


def _from(node: ast.ImportFrom, statement: bytes, names: Mapping[str, str]) -> bytes:
    """`from include.lake import x`: the parent goes before the module's name."""
    top = (node.module or "").partition(".")[0]
    if node.level or top not in names:
        return statement
    return re.sub(rb"^from\s+", f"from {names[top]}.".encode(), statement, count=1)


def _import(node: ast.Import, statement: bytes, names: Mapping[str, str], place: str) -> bytes:
    """`import connections`: the name that it binds stays the same."""
    if not any(each.name.partition(".")[0] in names for each in node.names):
        return statement
    [name, *more] = node.names
    if more or ("." in name.name and name.asname is None):
        raise NotRewritable(f"{place}:{node.lineno}: {ast.unparse(node)}: write `from PACKAGE import MODULE`, one import a line")
    parent = names[name.name.partition(".")[0]]
    if "." in name.name:
        return re.sub(rb"^import\s+", f"import {parent}.".encode(), statement, count=1)
    return re.sub(rb"^import\s+", f"from {parent} import ".encode(), statement, count=1)


def metadata(project: Mapping[str, Any], folder: str) -> dict[str, bytes]:
    """The files of .dist-info but RECORD, out of [project] of pyproject.toml."""
    extras = project.get("optional-dependencies", {})
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {each}" for each in project["dependencies"]),
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f'Requires-Dist: {each}; extra == "{extra}"' for extra, needed in extras.items() for each in needed),
        "Description-Content-Type: text/markdown",
    ]
    sections = {"console_scripts": project["scripts"], **project["entry-points"]}
    points = [f"[{section}]\n" + "".join(f"{name} = {at}\n" for name, at in each.items()) for section, each in sections.items()]
    readme = (ROOT / project["readme"]).read_text(encoding="utf-8")
    return {
        f"{folder}/METADATA": ("\n".join(lines) + f"\n\n{readme}").encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: landfall_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{folder}/entry_points.txt": "\n".join(points).encode(),
        f"{folder}/licenses/LICENSE": (ROOT / "LICENSE").read_bytes(),
    }


def record(files: Mapping[str, bytes], own: str) -> bytes:
    """RECORD: the digest and the size of every file but of itself."""
    rows = [f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items()]
    return "".join([*rows, f"{own},,\n"]).encode()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
