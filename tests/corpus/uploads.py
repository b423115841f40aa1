"""Files as users hold them: a folder of pictures with a table, tars, recordings with transcripts, books, code, questions.

`uploads()` gives one `Upload` for each source, which is a folder of its own; `write_uploads` writes them.
"""

import csv
import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.capture.subject import upload_uri
from tests.corpus import books, pictures, private, programs, sounds
from tests.corpus.pictures import caption
from tests.corpus.planted import KEPT, Fate, Planted, broken, copy_of, dropped
from tests.corpus.questions import questions

REPOSITORY = "ferry"  # in the folder of code


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One source: the name of its card, its folder, its files by path, and the fates of what is in them."""

    source: str
    folder: str
    files: Mapping[str, bytes]
    planted: tuple[Planted, ...]


def uploads() -> list[Upload]:
    """All of them, in the order of the demo's recipe."""
    return [_photos(), _stamps(), _shards(), _sounds(), _books(), _code(), _questions()]


def write_uploads(folder: Path) -> None:
    """Write every upload below the folder; one project becomes a git repository too, where there is git. What is there stays."""
    for upload in uploads():
        for name, data in upload.files.items():
            write(folder / upload.folder / name, data)
    programs.commit(folder / "code" / REPOSITORY)


def write(path: Path, data: bytes) -> None:
    """The file with these bytes. Never in place: a store may hold the old one by a hard link."""
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.{os.getpid()}")
    building.write_bytes(data)
    os.replace(building, path)


def _planted(
    lane: str, fate: Fate, source: str, *path: str, text: str | None = None, licence: str | None = None
) -> Planted:
    return Planted(
        uri=upload_uri(source, *path), lane=lane, fate=fate.state, reason=fate.reason, group=fate.group, text=text, licence=licence
    )  # fmt: skip


def _photos() -> Upload:
    """Loose pictures 12 to 25 and a table of captions: licences in it, copies, broken files, and captions that say nothing."""
    licences = dict(zip(map(str, range(12, 26)), ("CC0-1.0", "CC-BY-4.0", "", "CC-BY-SA-4.0", "") * 3, strict=False))
    found = []  # (path, bytes, caption, licence, fate)
    for seed, licence in licences.items():
        name, data = (
            (f"{seed}.png", pictures.cutout(seed)) if int(seed) % 4 == 3 else (f"{seed}.jpg", pictures.photo(seed))
        )
        fate = copy_of(f"photo {seed}" if seed in ("12", "13") else None)
        found.append((f"shapes/{name}", data, caption(seed), licence, fate))
    exact, near = copy_of("photo 12", "exact_duplicate"), copy_of("photo 13", "near_duplicate")
    found += [
        ("copies/12.jpg", pictures.photo("12"), caption("12"), "CC0-1.0", exact),
        ("copies/13.jpg", pictures.near_copy("13"), caption("13"), "CC-BY-4.0", near),
        ("copies/gallery.jpg", pictures.photo("0"), caption("0"), "", copy_of("picture 0", "exact_duplicate")),
        (
            "broken/cut.jpg",
            pictures.truncated("cut too"),
            "A picture that was cut in two.",
            "",
            broken("not_decodable"),
        ),
        ("broken/bomb.png", pictures.bomb(), "A large white field.", "", broken("too_large")),
        (f"private/{private.FILE}.jpg", pictures.photo("40"), private.CAPTION, "", KEPT),
        ("odd/dot.png", pictures.dot("dot too"), "A very small picture of a shape.", "", dropped("picture_too_small")),
        ("odd/DSC00017.jpg", pictures.photo("camera"), "DSC00017.jpg", "", dropped("caption_file_name")),
    ]
    rows = [("file_name", "text", "licence"), *((name, says, licence) for name, _, says, licence, _ in found)]
    return Upload(
        source="demo-photos",
        folder="photos",
        files={name: data for name, data, *_ in found} | {"metadata.csv": _csv(rows)},
        planted=tuple(
            _planted(
                "image_caption",
                fate,
                "demo-photos",
                name,
                text=private.REDACTED.get(says, says),
                licence=licence or None,
            )
            for name, _, says, licence, fate in found
        ),
    )


def _stamps() -> Upload:
    """Pictures 26 to 32 in a tar, and a table beside it whose columns have names of their own."""
    seeds = [str(n) for n in range(26, 33)]
    members = {f"stamps/{seed}.png": pictures.cutout(seed) for seed in seeds}
    rows = [{"picture": f"{seed}.png", "says": caption(seed), "year": 2026} for seed in seeds]
    planted = [
        _planted("image_caption", KEPT, "demo-stamps", "stamps.tar", name, text=str(row["says"]))
        for name, row in zip(members, rows, strict=True)
    ]
    files = {"stamps.tar": tar(members), "stamps.jsonl": _jsonl(rows)}
    return Upload(source="demo-stamps", folder="stamps", files=files, planted=tuple(planted))


def _shards() -> Upload:
    """Pictures 33 to 39 as a WebDataset tar."""
    members, planted = {}, []
    for seed in map(str, range(33, 40)):
        key = f"{int(seed):06d}"
        members |= {f"{key}.jpg": pictures.photo(seed), f"{key}.txt": caption(seed).encode()}
        planted.append(
            _planted("image_caption", KEPT, "demo-shards", "pictures-000000.tar", f"{key}.jpg", text=caption(seed))
        )
    return Upload(
        source="demo-shards", folder="shards", files={"pictures-000000.tar": tar(members)}, planted=tuple(planted)
    )


def _sounds() -> Upload:
    """Sounds 7 to 24 with transcripts beside them in a tar.gz; copies and odd ones as loose files; a tar.gz that is cut."""
    known = {sound.name: sound for sound in sounds.sounds()}
    first, loud = known["01"].samples, known["16"].samples
    within = [
        (
            f"{name}.wav",
            sounds.wav(sound.samples),
            sound.says,
            copy_of(f"sound {name}" if name in ("07", "16") else None),
        )
        for name, sound in known.items()
        if name > "06"
    ]
    loose = [
        ("same/01.flac", sounds.flac(first), known["01"].says, copy_of("sound 01")),
        ("same/07.flac", sounds.flac(known["07"].samples), known["07"].says, copy_of("sound 07")),
        ("quiet/16.wav", sounds.wav(sounds.quieter(loud)), known["16"].says, copy_of("sound 16")),
        ("private/call.wav", sounds.wav(sounds.backwards(known["22"].samples)), private.TRANSCRIPT, KEPT),
        ("odd/silence.wav", sounds.wav(sounds.silence()), "Nothing can be heard.", dropped("silent")),
        (
            "broken/cut.flac",
            sounds.flac(known["09"].samples)[:9000],
            "A tone that breaks off.",
            broken("not_decodable"),
        ),
        (
            "broken/numbers.wav",
            sounds.wav(sounds.not_numbers()),
            "A tone with a hole in it.",
            broken("samples_not_finite"),
        ),
    ]
    whole = gzip_bytes(
        tar({"lost/10.wav": sounds.wav(known["10"].samples), "lost/10.txt": b"A tone that quickly rises.\n"})
    )
    planted = [
        *(_planted("audio", fate, "demo-sounds", "sounds.tar.gz", name, text=says) for name, _, says, fate in within),
        *(
            _planted("audio", fate, "demo-sounds", name, text=private.REDACTED.get(says, says))
            for name, _, says, fate in loose
        ),
        _planted("audio", broken("record_truncated"), "demo-sounds", "broken/cut.tar.gz", "lost/10.wav"),
    ]
    files = {"sounds.tar.gz": gzip_bytes(tar(_with_words(within))), "broken/cut.tar.gz": whole[: len(whole) // 2]}
    return Upload(source="demo-sounds", folder="sounds", files=_with_words(loose) | files, planted=tuple(planted))


def _with_words(recordings: Iterable[tuple[str, bytes, str, Fate]]) -> dict[str, bytes]:
    """Each recording, and beside it a text file of the same name."""
    found = {}
    for name, data, says, _ in recordings:
        found |= {name: data, f"{name.rpartition('.')[0]}.txt": says.encode() + b"\n"}
    return found


def _books() -> Upload:
    """Three books, two of them in two editions, and an empty one."""
    lock, notes, bell = books.tales()
    found = {
        "the-lock-keeper.txt": (books.archived(lock), copy_of("The Lock Keeper")),
        "the-lock-keeper.html": (books.html(lock, revised=True), copy_of("The Lock Keeper")),
        "notes-from-a-ferry.txt": (books.plain(notes), copy_of("Notes from a Ferry")),
        "notes-from-a-ferry.html": (books.html(notes, revised=False), copy_of("Notes from a Ferry")),
        "the-bell-founders-daughter.html": (books.html(bell, revised=False, note=private.BOOK), KEPT),
        "empty.html": ("<!DOCTYPE html><title>Empty</title>\n", dropped("no_text")),
    }
    return Upload(
        source="demo-books",
        folder="books",
        files={name: text.encode() for name, (text, _) in found.items()},
        planted=tuple(_planted("books", fate, "demo-books", name) for name, (_, fate) in found.items()),
    )


def _code() -> Upload:
    """Two projects in a tar.gz and one as loose files, which are a repository too (`write_uploads`). Files of code are planted."""
    packed = {**programs.tally(), **programs.gauge()}
    loose = {f"{REPOSITORY}/{name}": text for name, text in programs.ferry().items()}
    fates = {
        "tally/web/chart.min.js": dropped("minified"),
        "tally/tally/_vendor/words.py": dropped("vendored"),
        "gauge/src/marks.h": dropped("generated"),
        "gauge/src/ring.c": copy_of("ring.c", "near_duplicate"),
        "gauge-fork/src/ring.c": copy_of("ring.c", "near_duplicate"),
        f"{REPOSITORY}/vendor/queue.example/queue/queue.go": dropped("vendored"),
    }
    licences = {"tally": "MIT", "ferry": "Apache-2.0", "gauge": "GPL-2.0-or-later", "gauge-fork": "GPL-2.0-or-later"}
    planted = [
        _planted(
            "code", fates.get(name, KEPT), "demo-code", *path,
            # A licence file does not speak for what was copied in from elsewhere.
            licence=None if "_vendor" in name else licences[name.split("/")[0]],
        )
        for name, path in [*((name, ("code.tar.gz", name)) for name in packed), *((name, (name,)) for name in loose)]
        if name.endswith((".py", ".c", ".h", ".js", ".go"))
    ]  # fmt: skip
    files = {name: text.encode() for name, text in loose.items()}
    files["code.tar.gz"] = gzip_bytes(tar({name: text.encode() for name, text in packed.items()}))
    return Upload(source="demo-code", folder="code", files=files, planted=tuple(planted))


def _questions() -> Upload:
    """A table of texts; each row is a thing of its own."""
    texts = questions()
    planted = [
        _planted("books", KEPT, "demo-questions", "questions.jsonl", str(n), text=text)
        for n, text in enumerate(texts, 1)
    ]
    files = {"questions.jsonl": _jsonl([{"text": text} for text in texts])}
    return Upload(source="demo-questions", folder="questions", files=files, planted=tuple(planted))


def tar(members: Mapping[str, bytes]) -> bytes:
    """A ustar archive of these files, without times, owners or folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def gzip_bytes(data: bytes) -> bytes:
    """The bytes compressed, without a time."""
    return gzip.compress(data, mtime=0)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _jsonl(rows: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
