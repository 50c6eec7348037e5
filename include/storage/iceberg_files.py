"""PyIceberg's files on HDFS. `webhdfs.register` leads PyIceberg here."""

import io
from typing import Any

from pyiceberg.io.fsspec import FsspecFileIO, FsspecInputFile, FsspecOutputFile


class HdfsFileIO(FsspecFileIO):
    """PyIceberg's way to HDFS. Its own asks for a file's status before each read and each write, a third of a commit's requests."""

    def new_input(self, location: str) -> "HdfsInputFile":
        return HdfsInputFile(location, self.get_fs("hdfs"))

    def new_output(self, location: str) -> "HdfsOutputFile":
        return HdfsOutputFile(location, self.get_fs("hdfs"))


class HdfsInputFile(FsspecInputFile):
    """Metadata and manifests are small and read whole; of data files only ranges are read."""

    def open(self, seekable: bool = True) -> Any:
        return io.BytesIO(self._fs.cat_file(self.location)) if self.location.endswith((".json", ".avro")) else super().open(seekable)


class HdfsOutputFile(FsspecOutputFile):
    """That a file is new is for the NameNode to see to, in the moment it makes it. PyIceberg puts a UUID into every name."""

    def create(self, overwrite: bool = False) -> Any:
        return self._fs.open(self.location, "wb") if overwrite else self._fs.open(self.location, "xb", own_name=True)
