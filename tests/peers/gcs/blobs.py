"""Bytes of objects: written once to a file of their own, with their checksums, and then moved to where they live."""

import base64
import hashlib
import os
import tempfile

import google_crc32c

from .errors import Unsupported, invalid

QUANTUM = 256 * 1024  # what a resumable upload keeps is a multiple of this


def crc32c_text(value):
    return base64.b64encode(value.to_bytes(4, "big")).decode()


class Blob:
    """A file in the making. `close()` ends the writing, `discard()` throws it away."""

    def __init__(self, folder):
        fd, self.path = tempfile.mkstemp(dir=folder, prefix="new-")
        os.fchmod(fd, 0o644)  # BigQuery's stand-in may run as another user
        self._file = os.fdopen(fd, "wb")
        self._crc = google_crc32c.Checksum()
        self._md5 = hashlib.md5()
        self.size = 0

    def write(self, data):
        self._file.write(data)
        self._crc.update(data)
        self._md5.update(data)
        self.size += len(data)

    def close(self):
        self._file.close()

    def discard(self):
        self._file.close()
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass

    @property
    def crc32c(self):
        return int.from_bytes(self._crc.digest(), "big")

    @property
    def md5(self):
        return self._md5.digest()


def copy_file(file, blob):
    while chunk := file.read(1 << 20):
        blob.write(chunk)


def check_sums(blob, crc32c=None, md5=None):
    """Raises Google's 400 when what was sent is not what the sender says it is. Sums are in base64."""
    have = crc32c_text(blob.crc32c)
    if crc32c and crc32c != have:
        raise invalid(f'Provided CRC32C "{crc32c}" doesn\'t match calculated CRC32C "{have}".')
    have = base64.b64encode(blob.md5).decode()
    if md5 and md5 != have:
        raise invalid(f'Provided MD5 hash "{md5}" doesn\'t match calculated MD5 hash "{have}".')


def parse_hash_header(values):
    """`x-goog-hash: crc32c=…,md5=…`, possibly several → {"crc32c": …, "md5": …}"""
    found = {}
    for value in values or []:
        for item in value.split(","):
            key, _, text = item.strip().partition("=")
            if key not in ("crc32c", "md5"):
                raise Unsupported(f"unknown hash in header x-goog-hash: {key}", 400)
            found[key] = text
    return found
