"""Who is meant: the URIs by which other captures may speak of one, and the URIs of uploaded files.

upload://<source>/<path>              a file of an upload; the path is relative to what the source's `from` names
upload://<source>/<archive>!/<path>   a member of an archive
"""

import posixpath
import re
from urllib.parse import quote

from pipelines.capture.uri import absolute

SCHEME = "upload://"
MEMBER = "!/"
SAFE = "/!$&'()*+,;=:@~"  # what of a path stands in a URI as it is

# Folders for what others wrote and somebody copied in. Source: GitHub Linguist, vendor.yml; pip's `_vendor`.
VENDORED = r"(?i)(?:^|/)(?:node_modules|bower_components|jspm_packages|_?vendor(?:s|ed)?|third[-_]?party|3rd[-_]?party|extern(?:als?)?|godeps|pods|carthage)/"
_VENDORED = re.compile(VENDORED)


def upload_uri(source: str, *path: str) -> str:
    """The URI of an uploaded file, or of a member of one: `upload_uri("s", "a.tar", "b c.txt")` -> `upload://s/a.tar!/b%20c.txt`."""
    return f"{SCHEME}{source}/" + MEMBER.join(map(_quoted, path))


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe=SAFE)  # a file name need not be UTF-8


def beside(uri: str, path: str) -> str | None:
    """The URI that a table at `uri` means by `path`, relative to its folder; null for one outside of the source or archive.

    A name without a suffix means whatever has it before its last dot, an http(s) URL itself:
    `upload://s/t/m.csv` and `../a/b.jpg` -> `upload://s/a/b.jpg`, and `b` -> `upload://s/t/b.*`
    """
    if path.startswith(("http://", "https://")):
        return absolute(path, None)
    inside = uri.rfind(MEMBER)
    root = inside + len(MEMBER) if inside >= 0 else uri.find("/", len(SCHEME)) + 1
    folder = posixpath.dirname(uri[root:])
    target = posixpath.normpath(posixpath.join(folder, _quoted(path.replace("\\", "/"))))
    if target.startswith(("/", "..")) or target in (".", folder):
        return None
    return uri[:root] + (target if "." in posixpath.basename(target) else f"{target}.*")


def names(uri: str) -> tuple[str, ...]:
    """The subjects under which an annotation may mean this capture, itself first.

    A file that lies beside an archive may name its members, with or without the one folder all of them lie in; a name that
    ends in `.*` means whatever has this name before its last dot:

    `upload://s/a.tar!/t/b.jpg` -> itself, `upload://s/t/b.jpg`, `upload://s/b.jpg`, and these three as `.../b.*`
    """
    if not uri.startswith(SCHEME):
        found = [absolute(uri, None) or uri]
        return tuple(found)
    found = [uri]
    archive, is_member, member = uri.rpartition(MEMBER)
    if is_member:
        folder = archive.rpartition("/")[0]
        found += [f"{folder}/{member}"]
        if "/" in member:
            found += [f"{folder}/{member.partition('/')[2]}"]
    return tuple(dict.fromkeys([*found, *map(stem, found)]))


def stem(uri: str) -> str:
    """The URI with what follows its last dot replaced by `*`: `upload://s/a/b.tar.gz` -> `upload://s/a/b.tar.*`."""
    folder, _, name = uri.rpartition("/")
    return f"{folder}/{name.rpartition('.')[0] or name}.*"


def folders(uri: str) -> tuple[str, ...]:
    """The folders of an uploaded file, nearest first, as URIs that end in `/`; none for other captures.

    Those of the archive come before those the archive lies in:
    `upload://s/d/a.tar!/t/b.c` -> `upload://s/d/a.tar!/t/`, `upload://s/d/a.tar!/`, `upload://s/d/`, `upload://s/`
    """
    if not uri.startswith(SCHEME):
        return ()
    found, at = [], len(uri)
    while (at := uri.rfind("/", len(SCHEME), at)) != -1:
        found.append(uri[: at + 1])
    return tuple(found)


def covering_folders(uri: str) -> tuple[str, ...]:
    """The folders whose licence may be that of a file, nearest first: of what was copied in, none outside `vendor/` and its like.

    `upload://s/a.tar!/t/vendor/x/b.c` -> `upload://s/a.tar!/t/vendor/x/`, `upload://s/a.tar!/t/vendor/`
    """
    found = folders(uri)
    for i, folder in enumerate(found):
        if _VENDORED.search(folder[folder.rfind("/", 0, -1) :]):
            return found[: i + 1]
    return found
