"""The licence that a package file gives: package.json, pyproject.toml, setup.cfg, PKG-INFO and METADATA, Cargo.toml,
composer.json, gemspecs, pom.xml.

Parsers here are the standard library's, on at most 1 MiB; patterns are RE2. What does not parse says nothing.
"""

import configparser
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipelines.rights.evidence import excerpt
from pipelines.rights.licences import LicenceHit
from pipelines.rights.markup import pattern
from pipelines.rights.names import VALUE_CHARS, from_name
from pipelines.rights.texts import known_texts

READ_BYTES = 1 << 20
_CLASSIFIER = "License :: "
_HEADER = pattern(rb"(?m)^(License(?:-Expression)?|Classifier):[ \t]*([^\n]*(?:\n[ \t]+[^\n]*)*)")
_GEM = pattern(rb"\.licen[sc]es?\s*=\s*(\[[^\]]{0,500}\]|%w[(\[{][^)\]}]{0,500}[)\]}]|[\"'][^\"'\n]{0,200}[\"'])")
_QUOTED = pattern(rb"[\"']([^\"']+)[\"']|%w.([^)\]}]*)")
_POM = pattern(rb"<licenses>(.*?)</licenses>")
_POM_LICENCE = pattern(rb"<license>(.*?)</license>")
_POM_FIELD = pattern(rb"<(name|url)>\s*([^<]*?)\s*</")
_POM_HIDDEN = pattern(rb"<!--.*?-->|<dependency>.*?</dependency>|<plugin>.*?</plugin>")
_NO_LICENCE_HERE = pattern(rb"^\s*(?:see|file:)\b|^\s*unknown\s*$")


def package_licence(path: str, data: bytes) -> list[LicenceHit]:
    """The licences the package file gives for its package; none for other files, or where it points to a licence file.

    Each value is a hit; one nobody can read (`UNLICENSED`, "Custom") has no expression, unless others of the file have.
    """
    read = _reader(path.rpartition("/")[2].lower())
    if read is None:
        return []
    try:
        values = list(read(data[:READ_BYTES]))
    except (ValueError, RecursionError, TypeError, AttributeError, KeyError, configparser.Error):
        return []
    found = [hit for hit in map(_hit, values) if hit is not None]
    readable = [hit for hit in found if hit.expression is not None]
    return readable or found


def _hit(value: object) -> LicenceHit | None:
    if not isinstance(value, str) or not value.strip() or _NO_LICENCE_HERE.search(value.encode("utf-8", "replace")):
        return None
    if value.startswith(_CLASSIFIER):
        name = value.rpartition(" :: ")[2]
        if name in ("OSI Approved", "License"):
            return None
        expression = from_name(name)
    elif len(value) > VALUE_CHARS:
        expression = next((known.expression for known in known_texts(value.encode("utf-8", "replace"))), None)
    else:
        expression = from_name(value)
    return LicenceHit(location="package", locator="file", expression=expression, raw=excerpt(value))


def _reader(name: str) -> Callable[[bytes], Iterable[object]] | None:
    if name.endswith(".gemspec"):
        return _gemspec
    return {
        "package.json": _package_json, "bower.json": _package_json, "composer.json": _composer, "pyproject.toml": _pyproject,
        "cargo.toml": _cargo, "setup.cfg": _setup_cfg, "pkg-info": _headers, "metadata": _headers, "pom.xml": _pom,
    }.get(name)  # fmt: skip


def _json(data: bytes) -> Mapping[str, Any]:
    found = json.loads(data.decode("utf-8-sig"))
    return found if isinstance(found, dict) else {}


def _package_json(data: bytes) -> Iterator[object]:
    package = _json(data)
    for value in (package.get("license"), *_list(package.get("licenses"))):
        yield value.get("type") or value.get("url") if isinstance(value, dict) else value


def _composer(data: bytes) -> Iterator[object]:
    """Of several, the user may choose one. Source: getcomposer.org/doc/04-schema.md#license."""
    values = [value for value in _list(_json(data).get("license")) if isinstance(value, str)]
    yield " or ".join(values)


def _pyproject(data: bytes) -> Iterator[object]:
    document = tomllib.loads(data.decode())
    project = document.get("project", {})
    value = project.get("license")
    yield value.get("text") if isinstance(value, dict) else value
    yield from _classifiers(project.get("classifiers"))
    yield document.get("tool", {}).get("poetry", {}).get("license")


def _cargo(data: bytes) -> Iterator[object]:
    document = tomllib.loads(data.decode())
    for package in (document.get("package", {}), document.get("workspace", {}).get("package", {})):
        yield package.get("license")


def _setup_cfg(data: bytes) -> Iterator[object]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(data.decode())
    if parser.has_section("metadata"):
        yield parser["metadata"].get("license")
        yield from _classifiers(parser["metadata"].get("classifiers", "").split("\n"))


def _headers(data: bytes) -> Iterator[object]:
    """Source: Python core metadata 2.4, packaging.python.org; the description after the blank line is not read."""
    head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    for match in _HEADER.finditer(head):
        value = match[2].decode("utf-8", "replace")
        if match[1].lower() != b"classifier" or value.startswith(_CLASSIFIER):
            yield value


def _gemspec(data: bytes) -> Iterator[object]:
    for match in _GEM.finditer(data):
        quoted = [(m[1] or m[2] or b"").decode("utf-8", "replace") for m in _QUOTED.finditer(match[1])]
        yield " or ".join(name for part in quoted for name in ([part] if match[1][:1] != b"%" else part.split()))


def _pom(data: bytes) -> Iterator[object]:
    """One value a <license>: its name where that can be read, else its address."""
    block = _POM.search(_POM_HIDDEN.sub(b" ", data))
    for licence in _POM_LICENCE.finditer(block[1]) if block else ():
        fields = {m[1].lower(): m[2].decode("utf-8", "replace") for m in _POM_FIELD.finditer(licence[1])}
        values = [fields[key] for key in (b"name", b"url") if fields.get(key)]
        yield next((value for value in values if from_name(value)), values[0] if values else None)


def _classifiers(values: object) -> Iterator[str]:
    yield from (v.strip() for v in _list(values) if isinstance(v, str) and v.strip().startswith(_CLASSIFIER))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
