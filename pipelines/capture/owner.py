"""Whose repository a file lies in, by its URI alone."""

import re
from urllib.parse import unquote

# Hosts of repositories whose addresses begin with owner and name; what their raw files are served from counts as the host.
_HOSTS = {
    "github.com": "github.com", "raw.githubusercontent.com": "github.com", "codeload.github.com": "github.com", "gitlab.com": "gitlab.com",
    "bitbucket.org": "bitbucket.org", "codeberg.org": "codeberg.org", "gitee.com": "gitee.com", "git.sr.ht": "git.sr.ht",
}  # fmt: skip
_KNOWN = re.compile(rf"(?:^|/)({'|'.join(map(re.escape, _HOSTS))})/([^/!]+)/([^/!]+)", re.IGNORECASE)
_AT_COMMIT = re.compile(
    r"^upload://[^/]+/([^/!]+)/(?:[^!]*/)?([^/!]+)/([^/!]+)@[0-9a-f]{12}!/"
)  # as `pipelines.capture.git` names them


def repository_of(uri: str | None) -> str | None:
    """`host/owner/name` in lower case; of code copied in from another repository, the other; null where the URI does not say.

    `upload://s/github.com/River/ferry@0123456789ab!/vendor/github.com/x/y/z.go` -> `github.com/x/y`
    """
    path = unquote(uri or "")
    if known := list(_KNOWN.finditer(path)):
        host, *names = known[-1].groups()
        return "/".join((_HOSTS[host.lower()], *map(_name, names)))
    if (at := _AT_COMMIT.match(path)) is not None:
        return "/".join(at.groups()).lower()
    return None


def _name(part: str) -> str:
    return part.partition("@")[0].lower().removesuffix(".git")
