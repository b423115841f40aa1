"""A git repository at a commit as one tar in the store: every file as git holds it, without a checkout.

    from = "git+file:///path/to/repo@v1.0"        any name of a commit
    from = "git+https://host/repo.git@<commit>"   cloned into the site's scratch, read, and removed

Nothing of the repository runs or decides: no hooks, filters, attributes or replaced objects, no submodules, and none of
the settings of this machine's users. Links and submodules become members that capture refuses by name.
"""

import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from pipelines.capture.layout import File, Form
from pipelines.capture.stored import ARCHIVE, adopted
from pipelines.receipt import Tables, room
from pipelines.site import Site
from schemas.digest import digest
from schemas.errors import SourceError

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = 12
_LINK, _SUBMODULE = "120000", "160000"
# Source: git(1) and git-config(1): what makes git run programs, or read settings and objects from elsewhere.
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null", "core.pager=cat",
    "protocol.ext.allow=never", "uploadpack.packObjectsHook=", "submodule.recurse=false", "init.templateDir=",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1", "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1",
    "HOME": os.devnull, "LC_ALL": "C",
}  # fmt: skip
_KEPT = (
    "PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
)  # fmt: skip


def repository(site: Site, source: str, entry: str) -> File:
    """The files of a `git+...@commit` entry of a recipe, as a tar called `repo@<12 digits of the commit>`, after its host and
    owner where it has them.

    Raises:
        SourceError: git or the repository is missing, or it has no such commit.
    """
    url, wanted = parsed(entry)
    commit = _resolved(url, wanted)
    name = f"{_called(url)}@{commit[:_SHORT]}"
    key = digest("room", "repository", 1, source, name, commit)
    made = room(site.store, source, "repository", key, lambda: _taken(site, url, commit))
    (row,) = site.store.read_part(made.part("archive")).to_pylist()
    return File(name=name, form=Form.MEMBERS, **row)


def count(entry: str) -> int | None:
    """How many files the commit of an entry has; null for a repository that would have to be cloned. Raises SourceError."""
    url, wanted = parsed(entry)
    if not url.startswith("file:"):
        return None
    return _listed(url, _path(url), _resolved(url, wanted)).count("\0")


def _called(url: str) -> str:
    """`ferry` of a folder, which says nothing of who owns it; `github.com/river/ferry` of a host."""
    parts = urlsplit(url)
    path = parts.path.strip("/").removesuffix(".git")
    return Path(path).name if parts.scheme == "file" else f"{parts.hostname}/{path}"


def parsed(entry: str) -> tuple[str, str]:
    """URL and name of the commit. Raises SourceError."""
    url, _, wanted = entry.removeprefix("git+").rpartition("@")
    if not wanted or not url.startswith(("file:///", "https://")):
        raise SourceError(
            f"source input {entry}: write git+file:///path@commit or git+https://host/path@commit, with a commit, tag or branch"
        )
    return url, wanted


def _resolved(url: str, wanted: str) -> str:
    """The full name of the commit."""
    if url.startswith("file:"):
        return _git(url, "rev-parse", "--verify", "--end-of-options", f"{wanted}^{{commit}}", at=_path(url)).strip()
    if _COMMIT.fullmatch(wanted):
        return wanted
    refs = (f"refs/heads/{wanted}", f"refs/tags/{wanted}", f"refs/tags/{wanted}^{{}}")  # the last: what a tag points to
    lines = [line.partition("\t") for line in _git(url, "ls-remote", "--", url, *refs).splitlines()]
    found = {ref: commit for commit, _, ref in lines}
    if not (known := [ref for ref in refs if ref in found]):
        raise SourceError(f"source input {url}: no branch or tag {wanted!r}; name one that is there, or a full commit")
    return found[known[-1]]


def _taken(site: Site, url: str, commit: str) -> tuple[Tables, dict[str, int]]:
    """The tar of a commit, in the store."""
    site.scratch.mkdir(parents=True, exist_ok=True)
    with _local(site, url) as path, tempfile.NamedTemporaryFile(dir=site.scratch, suffix=".tar") as out:
        _write_tar(url, path, commit, out)
        out.flush()
        stored, name, length = adopted(site.store, Path(out.name), ".tar")
    row = {"stored": stored, "sha256": name, "length": length}
    return [("archive", pa.Table.from_pylist([row], schema=ARCHIVE))], {"bytes": length}


@contextmanager
def _local(site: Site, url: str) -> Iterator[Path]:
    """The repository on this machine; a remote one as a clone that goes at the end."""
    if url.startswith("file:"):
        yield _path(url)
        return
    with tempfile.TemporaryDirectory(dir=site.scratch) as folder:
        _git(url, "clone", "--quiet", "--mirror", "--", url, folder)
        yield Path(folder)


def _path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def _listed(url: str, path: Path, commit: str) -> str:
    return _git(url, "ls-tree", "-r", "-z", "--full-tree", commit, at=path)


def _write_tar(url: str, path: Path, commit: str, out: IO[bytes]) -> None:
    with (
        _started("cat-file", "--batch", at=path, stderr=subprocess.DEVNULL) as blobs,
        tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar,
    ):
        for line in filter(None, _listed(url, path, commit).split("\0")):
            about, _, name = line.partition("\t")
            mode, _, blob = about.split(" ")
            _add(url, tar, blobs, name=name, mode=mode, blob=blob)


def _add(url: str, tar: tarfile.TarFile, blobs: "subprocess.Popen[bytes]", *, name: str, mode: str, blob: str) -> None:
    """One file of the commit; TarInfo's defaults are time 0 and no owner."""
    member = tarfile.TarInfo(name)
    if mode == _SUBMODULE:
        member.type, member.linkname = tarfile.SYMTYPE, f"the submodule at commit {blob}"
        tar.addfile(member)
        return
    assert blobs.stdin is not None
    assert blobs.stdout is not None
    with suppress(BrokenPipeError):  # git ended, and so does what it says
        blobs.stdin.write(f"{blob}\n".encode())
        blobs.stdin.flush()
    head = blobs.stdout.readline().split()
    if len(head) != 3:
        raise SourceError(
            f"source input {url}: {name} is missing from the repository; `git fsck` it, or fetch all of it"
        )
    member.size = int(head[2])
    if mode == _LINK:
        target = blobs.stdout.read(member.size).decode("utf-8", "surrogateescape")
        member.type, member.size, member.linkname = tarfile.SYMTYPE, 0, target
        tar.addfile(member)
    else:
        tar.addfile(member, blobs.stdout)
    blobs.stdout.read(1)  # the line feed behind each object


def _git(url: str, *words: str, at: Path | None = None) -> str:
    """What git prints; names are as the file system has them."""
    with _started(*words, at=at) as process:
        out, err = process.communicate()
    if process.returncode:
        said = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SourceError(
            f"source input {url}: git {words[0]} failed: {said}; check the path, and that the commit is there"
        )
    return out.decode("utf-8", "surrogateescape")


@contextmanager
def _started(*words: str, at: Path | None = None, stderr: int = subprocess.PIPE) -> Iterator["subprocess.Popen[bytes]"]:
    """git in the repository `at`, which may belong to another user; never in one around it."""
    settings, place, protocols = list(_SETTINGS), list[str](), "https"
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _ENVIRONMENT
    if at is not None:
        protocols = "none"  # whoever reads a repository asks for no other one
        settings.append(f"safe.directory={at.resolve()}")
        place = ["-C", str(at)]
        environment["GIT_CEILING_DIRECTORIES"] = str(at.resolve().parent)
    command = ["git", "--no-pager", *(part for setting in settings for part in ("-c", setting)), *place, *words]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            env=environment | {"GIT_ALLOW_PROTOCOL": protocols},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SourceError("git is not installed, and a source is a git repository; install git") from error
    with process:
        try:
            yield process
        finally:
            process.kill()
