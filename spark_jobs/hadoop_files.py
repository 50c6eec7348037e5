"""The few things that are done to files beside the tables, through Hadoop's own FileSystem: HDFS and local paths alike."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True)
class File:
    """`path` is absolute without scheme and host."""

    path: str
    bytes: int


class HadoopFiles:
    """Files of the filesystem that `uri` is on."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        assert spark._jvm is not None
        self._jvm: Any = spark._jvm
        self._fs: Any = self._path(uri).getFileSystem(spark._jsc.hadoopConfiguration())

    def _path(self, uri: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(uri)

    def exists(self, uri: str) -> bool:
        return bool(self._fs.exists(self._path(uri)))

    def length(self, uri: str) -> int:
        """In bytes. Raises Py4JJavaError for a file that is not there."""
        return int(self._fs.getFileStatus(self._path(uri)).getLen())

    def delete(self, uri: str) -> None:
        self._fs.delete(self._path(uri), True)

    def parquet(self, directory: str) -> list[File]:
        """The Parquet files right in a directory, by name; none if it does not exist."""
        if not self.exists(directory):
            return []
        found = [File(status.getPath().toUri().getPath(), status.getLen()) for status in self._fs.listStatus(self._path(directory))]
        return sorted((file for file in found if file.path.endswith(".parquet")), key=lambda file: file.path)

    def rename(self, directory: str, suffix: str, to: str) -> None:
        """Gives the files right in a directory that end in `suffix` another; empty ones are deleted."""
        for status in self._fs.listStatus(self._path(directory)):
            path = status.getPath().toString()
            if path.endswith(suffix) and not status.getLen():
                self.delete(path)
            elif path.endswith(suffix):
                self._fs.rename(status.getPath(), self._path(path.removesuffix(suffix) + to))

    def write(self, uri: str, content: bytes) -> None:
        """Writes a new file, with the folders above it."""
        stream = self._fs.create(self._path(uri), False)
        try:
            stream.write(bytearray(content))
        finally:
            stream.close()

    def write_atomically(self, uri: str, content: str) -> None:
        """Readers see the whole file or none. Raises FileExistsError rather than replace one."""
        folder, name = uri.rsplit("/", 1)
        part = f"{folder}/.{name}.part"
        stream = self._fs.create(self._path(part), True)
        try:
            stream.write(content.encode())
        finally:
            stream.close()
        if not self._fs.rename(self._path(part), self._path(uri)):
            self.delete(part)
            raise FileExistsError(f"{uri} exists already, or its directory is gone")
