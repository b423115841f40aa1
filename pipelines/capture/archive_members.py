"""An uploaded archive (tar, compressed tar, zip) as entries: one a member, in the order in which they lie; damage is named.

Nothing is extracted to disk. A plain tar's members stay where they are in the stored file; others are copied. What is no
plain file of a safe name is refused, each with its reason; an archive inside the archive is a file like others.
"""

import io
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from pipelines.capture import words
from pipelines.capture.entry import Caps, Entry, Upload, is_blocked, lost, refused, stored, taken
from pipelines.capture.file_type import HEAD_BYTES
from pipelines.capture.inflate import BrokenError, Unpacked, coding
from pipelines.capture.layout import TABLES, File, is_sidecar, media_stems
from pipelines.capture.stored import Tape, open_stored
from pipelines.capture.tar import BLOCK, TarGap, TarMember, tar_members
from pipelines.capture.zip import ZipMember, content, next_member, zip_members
from schemas.reasons import Reason

_BUFFER = 1 << 20
_DRIVE = re.compile("[A-Za-z]:")


def archive_entries(upload: Upload, file: File) -> Iterator[Entry]:
    """The entries of an archive's members, read by what its first bytes show, whatever it is called.

    Raises:
        SourceError: the stored file is missing.
    """
    with open_stored(upload.store, file.stored, file.length) as stream:
        head = stream.read(HEAD_BYTES)
        packed = coding(head)
        is_tar = packed is not None or head[257:262] == b"ustar"
        if not head:
            yield stored(upload, file)[0]
        elif head.startswith(b"PK") or (not is_tar and file.name.lower().endswith((".zip", ".whl"))):
            yield from _Archive(upload, file).zip(stream)
        else:
            yield from _Archive(upload, file).tar(stream, packed)


class _Archive:
    """One archive while it is read: which names it had so far, and the pictures and recordings that words may be about."""

    def __init__(self, upload: Upload, file: File) -> None:
        self._upload, self._file = upload, file
        self._seen: set[str] = set()
        self._stems: frozenset[str] = frozenset()

    def tar(self, stream: BinaryIO, packed: str | None) -> Iterator[Entry]:
        """Entries of a tar; `packed`: what it is compressed by."""
        stop, problem = self._survey(stream, packed)
        tape, cut_name = self._tape(stream, packed, stop), None
        for number, found in enumerate(tar_members(tape)):
            if isinstance(found, TarGap):
                if problem is None or not found.is_end:
                    yield self._gap(found, packed)
                continue
            if found.is_folder:
                continue
            locator = _at(found.at, packed)
            if why := found.refusal or self._refusal(found.name):
                yield self._refused(found.name, why, locator)
            elif found.size > self._upload.caps.member_bytes:
                yield self._lost(found.name, _too_large(found.size, self._upload.caps), locator)
            elif len(data := tape.read(found.size)) < found.size:
                cut = BrokenError(f"cut after {len(data)} of {found.size} bytes", Reason.RECORD_TRUNCATED)
                problem, cut_name = problem or cut, found.name
                break
            else:
                yield from self._member(found.name, data, None if packed else (self._file.stored, found.start))
            if number >= self._upload.caps.members:
                problem = _too_many(self._upload.caps)
                break
        if problem is not None:
            yield self._lost(cut_name, problem, _at(tape.at, packed))

    def _survey(self, stream: BinaryIO, packed: str | None) -> tuple[int | None, BrokenError | None]:
        """Read the archive once: how much of what it unpacks to is proven, and why not all. Notes who has words."""
        if packed is None:
            if self._upload.wanted.words:
                self._note(_names(self._tape(stream, None, None)))
            return None, None
        stream.seek(0)
        unpacked = Unpacked(stream, packed, self._upload.caps.budget(self._file.length), unit=BLOCK)
        buffered = io.BufferedReader(unpacked, _BUFFER)
        if self._upload.wanted.words:
            self._note(_names(Tape(buffered)))
        while buffered.read(_BUFFER):
            pass
        return unpacked.sound, unpacked.problem

    def _tape(self, stream: BinaryIO, packed: str | None, stop: int | None) -> Tape:
        stream.seek(0)
        if packed is None:
            return Tape(stream)
        budget = self._upload.caps.budget(self._file.length)
        return Tape(io.BufferedReader(Unpacked(stream, packed, budget, stop=stop), _BUFFER))

    def zip(self, stream: BinaryIO) -> Iterator[Entry]:
        """Entries of a zip."""
        try:
            members = zip_members(stream, self._file.length)
        except BrokenError as problem:
            yield from self._found(stream, problem)
            return
        self._note(member.name for member in members)
        budget, end = self._upload.caps.budget(self._file.length), 0
        for number, member in enumerate(members, 1):
            if member.is_folder:
                continue
            locator = f"byte {member.at}"
            why = member.refusal or self._refusal(member.name)
            if why or member.at < end:
                yield self._refused(member.name, why or "it overlaps the member before it", locator)
                continue
            try:
                data, end = content(stream, member, self._upload.caps.member_bytes, budget)
            except BrokenError as problem:
                yield self._lost(member.name, problem, locator)
                if budget.left < 0:
                    rest = f"{len(members) - number} members behind it are not read"
                    yield self._lost(None, BrokenError(f"{problem.detail}; {rest}", problem.reason), locator)
                    return
                continue
            yield from self._member(member.name, data, None)
            if number > self._upload.caps.members:
                yield self._lost(None, _too_many(self._upload.caps), locator)
                return

    def _found(self, stream: BinaryIO, problem: BrokenError) -> Iterator[Entry]:
        """Entries of a zip without its central directory: members whose checksum holds."""
        self._note(member.name for member in _begun(stream))
        budget, at, begun, whole = self._upload.caps.budget(self._file.length), 0, 0, 0
        while budget.left >= 0 and begun < self._upload.caps.members and (member := next_member(stream, at)):
            at = member.at + 4
            if member.is_folder:
                continue
            begun += 1
            try:
                why = member.refusal
                data, at = (b"", at) if why else content(stream, member, self._upload.caps.member_bytes, budget)
            except BrokenError:
                continue
            whole += 1
            if why := why or self._refusal(member.name):
                yield self._refused(member.name, why, f"byte {member.at}")
            else:
                yield from self._member(member.name, data, None)
        detail = f"{problem.detail}; of {begun} members that begin, {whole} are whole"
        yield self._lost(None, BrokenError(detail, problem.reason), f"byte {at}")

    def _note(self, names: Iterable[str]) -> None:
        """Remember which names are pictures and recordings, if anybody asks for words about them."""
        if self._upload.wanted.words:
            self._stems = media_stems(map(_clean, names))

    def _refusal(self, name: str) -> str | None:
        """Why a member of this name is left out; null for a relative path inside the archive that is not taken yet."""
        clean, parts = _clean(name), name.split("/")
        if name.startswith("/") or _DRIVE.match(name):
            return "an absolute path"
        if ".." in parts or "\0" in name or not clean:
            return "a path that leads out of the archive, or names nothing"
        if len(name.encode("utf-8", "surrogateescape")) > self._upload.caps.path_bytes:
            return f"a path of more than {self._upload.caps.path_bytes} bytes"
        if clean in self._seen:
            return "a second member of this name; the first one counts"
        self._seen.add(clean)
        return None

    def _member(self, name: str, data: bytes, place: tuple[str, int] | None) -> Iterator[Entry]:
        clean = _clean(name)
        entry = taken(self._upload, (self._file.name, clean), data, place=place)
        if is_blocked(entry):
            yield entry
        elif self._upload.wanted.words and clean.lower().endswith(TABLES) and self._upload.layout.is_table(clean):
            yield from words.of_table(self._upload, (self._file.name, clean), entry, io.BytesIO(data))
        elif is_sidecar(clean, self._stems):
            yield from words.of_sidecar(self._upload, (self._file.name, clean), entry, data, location="member")
        else:
            yield entry

    def _refused(self, name: str, why: str, locator: str) -> Entry:
        return refused(self._upload, (self._file.name, name[: self._upload.caps.path_bytes]), why, locator=locator)

    def _lost(self, name: str | None, problem: BrokenError, locator: str) -> Entry:
        path = (self._file.name,) if name is None else (self._file.name, name[: self._upload.caps.path_bytes])
        return lost(self._upload, path, problem, locator=locator)

    def _gap(self, gap: TarGap, packed: str | None) -> Entry:
        place = {"uri": self._file.stored, "offset": gap.at, "length": gap.length, "sha256": gap.sha256}
        problem = BrokenError(f"{gap.length} bytes: {gap.detail}" if gap.length else gap.detail)
        where = None if packed else place
        return lost(self._upload, (self._file.name,), problem, locator=_at(gap.at, packed), place=where)


def _names(tape: Tape) -> Iterator[str]:
    return (found.name for found in tar_members(tape) if isinstance(found, TarMember))


def _begun(stream: BinaryIO) -> Iterator[ZipMember]:
    at = 0
    while member := next_member(stream, at):
        yield member
        at = member.at + 4


def _clean(name: str) -> str:
    """`./a//b` as `a/b`."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _at(place: int, packed: str | None) -> str:
    return f"byte {place} of the unpacked tar" if packed else f"byte {place}"


def _too_large(size: int, caps: Caps) -> BrokenError:
    return BrokenError(f"{size} bytes, over the cap of {caps.member_bytes}", Reason.TOO_LARGE)


def _too_many(caps: Caps) -> BrokenError:
    return BrokenError(f"more than {caps.members} members; the rest is not read", Reason.TOO_LARGE)
