"""What the embedded stack's Airflow imports before it forks its tasks."""

import subprocess
import sys
from pathlib import Path

from include.stack.airflow import LOCAL_SETTINGS

ROOT = Path(__file__).parents[2]
OURS = {"include", *(path.stem for folder in ("dags", "plugins") for path in (ROOT / folder).iterdir())}
PROGRAM = """
import sys
import airflow.settings
before = {name.split(".")[0] for name in sys.modules}
import land_assessments, tidy_lake, include.answers.pages
print("imported:", *{name.split(".")[0] for name in sys.modules} - before)
"""


def test_a_task_imports_no_library_that_its_parent_has_not_imported_already(tmp_path: Path) -> None:
    settings = tmp_path / "config" / "airflow_local_settings.py"
    settings.parent.mkdir()
    settings.write_text(LOCAL_SETTINGS)
    paths = ":".join(str(ROOT / folder) for folder in ("", "dags", "plugins"))
    environment = {"AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": paths, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PATH": "/usr/bin:/bin"}
    said = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120, check=True).stdout
    [imported] = [line.removeprefix("imported:").split() for line in said.splitlines() if line.startswith("imported:")]
    assert "land_assessments" in imported
    assert set(imported) - sys.stdlib_module_names - OURS == set()
