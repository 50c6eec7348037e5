# Airflow with Landfall, and the HDFS daemons from the jars of the embedded stack. For docker-compose.yml.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/landfall
ENV LANDFALL_TOOLS=/opt/tools \
    PYTHONPATH=/opt/landfall \
    JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64 \
    PATH=/opt/tools/venv/bin:/usr/lib/jvm/java-17-openjdk-amd64/bin:/usr/local/bin:/usr/bin:/bin
COPY . .

# The virtualenv; the jars; and those that the NameNode and the DataNode need in a folder of their own, for `java -cp /opt/hdfs/*`.
RUN ./landfall --help > /dev/null
RUN <<SETUP
#!/opt/tools/venv/bin/python
from pathlib import Path
from include.stack.hdfs import classpath
from include.stack.jars import fetch_jars
from include.stack.java import find_java
from include.stack.settings import Settings

settings = Settings.load()
fetch_jars(settings, find_java(settings.tools / "java"), print)
folder = Path("/opt/hdfs")
folder.mkdir()
for jar in classpath(settings):
    if jar.suffix == ".jar":
        (folder / jar.name).symlink_to(jar)
SETUP
