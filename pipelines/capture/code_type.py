"""What language a file of source text is in, and the media type that says so: by its name, then by its first line.

media_type("src/lua.c", head)  -> "text/x-c"          null: these bytes are no text
language_of("bin/run", b"#!/bin/sh")  -> "Shell"      null: plain text, as far as can be told
"""

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pipelines.capture.sniff import text_type
from pipelines.capture.subject import MEMBER, SCHEME


class _Language(NamedTuple):
    """One language: suffixes (without dot), whole file names, and the programs that a `#!` line may name; lower case."""

    name: str
    media_type: str
    suffixes: str
    names: str = ""
    programs: str = ""


# Source: the names are those of GitHub Linguist (languages.yml), which The Stack uses too; the suffixes are its common ones.
# Media types: IANA where one is registered, else `text/x-` as freedesktop.org's shared-mime-info has it.
_LANGUAGES = (
    _Language("Ada", "text/x-ada", "adb ads ada"),
    _Language("AsciiDoc", "text/asciidoc", "adoc asciidoc"),
    _Language("Assembly", "text/x-asm", "asm s nasm"),
    _Language("Awk", "text/x-awk", "awk", "", "awk gawk mawk"),
    _Language("Batchfile", "text/x-batch", "bat cmd"),
    _Language("C", "text/x-c", "c h"),
    _Language("C#", "text/x-csharp", "cs csx"),
    _Language("C++", "text/x-c++", "cpp cc cxx c++ hpp hh hxx h++ ipp tpp inl cppm"),
    _Language("CMake", "text/x-cmake", "cmake", "cmakelists.txt"),
    _Language("CSS", "text/css", "css"),
    _Language("CSV", "text/csv", "csv"),
    _Language("Clojure", "text/x-clojure", "clj cljs cljc edn"),
    _Language("CoffeeScript", "text/x-coffeescript", "coffee", "cakefile", "coffee"),
    _Language("Common Lisp", "text/x-common-lisp", "lisp lsp cl asd", "", "sbcl clisp"),
    _Language("Cuda", "text/x-cuda", "cu cuh"),
    _Language("Cython", "text/x-cython", "pyx pxd pxi"),
    _Language("D", "text/x-d", "d"),
    _Language("Dart", "text/x-dart", "dart", "", "dart"),
    _Language("Diff", "text/x-diff", "diff patch"),
    _Language("Dockerfile", "text/x-dockerfile", "dockerfile", "dockerfile containerfile"),
    _Language("Elixir", "text/x-elixir", "ex exs", "mix.lock", "elixir"),
    _Language("Elm", "text/x-elm", "elm"),
    _Language("Emacs Lisp", "text/x-emacs-lisp", "el", ".emacs"),
    _Language("Erlang", "text/x-erlang", "erl hrl", "rebar.config", "escript"),
    _Language("F#", "text/x-fsharp", "fs fsi fsx"),
    _Language("Fortran", "text/x-fortran", "f for f77 f90 f95 f03 f08 ftn"),
    _Language("GLSL", "text/x-glsl", "glsl vert frag geom comp"),
    _Language("Go", "text/x-go", "go"),
    _Language("Go Checksums", "text/x-go-sum", "", "go.sum go.work.sum"),
    _Language("Go Module", "text/x-go-mod", "", "go.mod go.work"),
    _Language("GraphQL", "text/x-graphql", "graphql gql"),
    _Language("Graphviz (DOT)", "text/vnd.graphviz", "dot gv"),
    _Language("Groovy", "text/x-groovy", "groovy gradle gvy", "jenkinsfile", "groovy"),
    _Language("HCL", "text/x-hcl", "hcl tf tfvars nomad"),
    _Language("HTML", "text/html", "html htm xhtml"),
    _Language("Haskell", "text/x-haskell", "hs lhs hsc cabal", "", "runhaskell runghc"),
    _Language("INI", "text/x-ini", "ini cfg cnf conf desktop properties", ".editorconfig .gitconfig .gitmodules setup.cfg"),
    _Language("JSON", "application/json", "json json5 jsonc geojson webmanifest jsonl ndjson", "composer.lock pipfile.lock .babelrc .eslintrc"),
    _Language("Java", "text/x-java", "java jav"),
    _Language("JavaScript", "text/javascript", "js mjs cjs jsx es6", "jakefile", "node nodejs deno"),
    _Language("Julia", "text/x-julia", "jl", "", "julia"),
    _Language("Jupyter Notebook", "application/x-ipynb+json", "ipynb"),
    _Language("Kotlin", "text/x-kotlin", "kt kts ktm", "", "kotlin"),
    _Language("Lex", "text/x-lex", "l lex"),
    _Language("Lua", "text/x-lua", "lua rockspec", ".luacheckrc", "lua luajit texlua"),
    _Language("M4", "text/x-m4", "m4 ac", "configure.in"),
    _Language("MATLAB", "text/x-matlab", "matlab"),
    _Language("Makefile", "text/x-makefile", "mk mak make am", "makefile gnumakefile bsdmakefile kbuild", "make"),
    _Language("Markdown", "text/markdown", "md markdown mdown mkd mdx"),
    _Language("Meson", "text/x-meson", "", "meson.build meson_options.txt meson.options"),
    _Language("Nim", "text/x-nim", "nim nims nimble"),
    _Language("Nix", "text/x-nix", "nix"),
    _Language("OCaml", "text/x-ocaml", "ml mli mll mly", "", "ocaml ocamlrun"),
    _Language("Objective-C", "text/x-objectivec", "m"),
    _Language("Objective-C++", "text/x-objectivec++", "mm"),
    _Language("OpenCL", "text/x-opencl", "opencl"),
    _Language("PHP", "text/x-php", "php php3 php4 php5 phtml inc", "", "php"),
    _Language("Pascal", "text/x-pascal", "pas pp dpr lpr"),
    _Language("Perl", "text/x-perl", "pl pm t pod psgi", "cpanfile makefile.pl", "perl"),
    _Language("PowerShell", "text/x-powershell", "ps1 psm1 psd1", "", "pwsh"),
    _Language("Prolog", "text/x-prolog", "prolog pro", "", "swipl"),
    _Language("Protocol Buffer", "text/x-protobuf", "proto"),
    _Language("Python", "text/x-python", "py pyi pyw wsgi gyp gypi", "sconstruct sconscript wscript", "python pypy"),
    _Language("R", "text/x-r", "r", ".rprofile", "rscript"),
    _Language("Racket", "text/x-racket", "rkt", "", "racket"),
    _Language("Roff", "text/troff", "roff man mdoc me ms nr tmac"),
    _Language("Ruby", "text/x-ruby", "rb gemspec rake ru podspec thor", "rakefile gemfile guardfile vagrantfile podfile brewfile capfile", "ruby jruby"),
    _Language("Rust", "text/x-rust", "rs"),
    _Language("SQL", "application/sql", "sql ddl"),
    _Language("SVG", "image/svg+xml", "svg"),
    _Language("Sass", "text/x-sass", "sass scss"),
    _Language("Less", "text/x-less", "less"),
    _Language("Scala", "text/x-scala", "scala sbt sc", "", "scala"),
    _Language("Scheme", "text/x-scheme", "scm ss sld", "", "guile"),
    _Language("Shell", "text/x-shellscript", "sh bash zsh ksh fish bats", ".bashrc .profile .zshrc pkgbuild apkbuild configure", "sh bash dash zsh ksh ash fish bats"),
    _Language("Smalltalk", "text/x-smalltalk", "st"),
    _Language("Standard ML", "text/x-sml", "sml sig fun"),
    _Language("Starlark", "text/x-starlark", "bzl bazel star", "build workspace"),
    _Language("Svelte", "text/x-svelte", "svelte"),
    _Language("Swift", "text/x-swift", "swift"),
    _Language("SystemVerilog", "text/x-systemverilog", "sv svh"),
    _Language("TOML", "application/toml", "toml", "cargo.lock poetry.lock uv.lock pdm.lock gopkg.lock"),
    _Language("TSV", "text/tab-separated-values", "tsv"),
    _Language("Tcl", "text/x-tcl", "tcl tm", "", "tclsh wish expect"),
    _Language("TeX", "text/x-tex", "tex sty cls bib ltx dtx bbl"),
    _Language("Texinfo", "text/x-texinfo", "texi texinfo txi"),
    _Language("Text", "text/plain", "txt text log lst"),
    _Language("Thrift", "text/x-thrift", "thrift"),
    _Language("TypeScript", "text/x-typescript", "ts tsx mts cts"),
    _Language("VHDL", "text/x-vhdl", "vhd vhdl"),
    _Language("Vala", "text/x-vala", "vala vapi"),
    _Language("Verilog", "text/x-verilog", "v vh"),
    _Language("Vim Script", "text/x-vim", "vim vimrc", ".vimrc vimrc"),
    _Language("Visual Basic", "text/x-vb", "vb bas vbs"),
    _Language("Vue", "text/x-vue", "vue"),
    _Language("XML", "application/xml", "xml xsd xsl xslt wsdl plist rss atom csproj vcxproj vbproj props targets resx xaml xib storyboard iml pom nuspec"),
    _Language("YAML", "application/yaml", "yml yaml", ".clang-format .clang-tidy pubspec.lock yarn.lock"),
    _Language("Yacc", "text/x-yacc", "y yy yacc"),
    _Language("Zig", "text/x-zig", "zig zon"),
    _Language("reStructuredText", "text/x-rst", "rst rest"),
)  # fmt: skip
SOURCE_TYPES = tuple(sorted({kind for _, kind, *_ in _LANGUAGES if not kind.startswith("text/")}))

_SHEBANG = re.compile(rb"#![ \t]*(?:\S*/)?([^/\s]+)(?:[ \t]+(?:-\S+[ \t]+|\w+=\S*[ \t]+)*(?:\S*/)?([^/\s]+))?")
_CPP = re.compile(rb"^\s*(?:class\s+\w+|namespace\s|template\s*<|public:|private:|using\s+namespace\s)", re.M)
_MATLAB = re.compile(rb"^\s*(?:%|function\b[^;{]*$)", re.M)
_ROFF = re.compile(rb"\A(?:[.'](?:\\\"|[A-Za-z]{2}\b)[^\n]*\n?)")


def media_type(name: str, head: bytes) -> str | None:
    """The media type of a file of this name whose first bytes (a few KiB) are `head`; null where these are no text.

    Text in no language we know is what it looks like: HTML, XML, else `text/plain`.
    """
    shown = text_type(head)
    if shown is None or head.startswith(b"%PDF-"):
        return None
    language = language_of(name, head)
    return _types()[language] if language else shown


def language_of(path: str, head: bytes) -> str | None:
    """The language of a file, by Linguist's name: whole file name, then suffix, then `#!` line; null where none tells.

    `Makefile.in` and `config.h.in` count as what they become, `Dockerfile.dev` as `Dockerfile`. `.h` is C++ where its head declares what C cannot, `.m`
    MATLAB where it looks so, `.ts` XML where it begins so (Qt), and `.1` to `.9` Roff where it begins so.
    """
    name = path.rpartition("/")[2].lower().removesuffix(".in")
    suffix = name.rpartition(".")[2] if "." in name[1:] else ""
    found = _names().get(name) or _suffixes().get(suffix)
    match suffix:
        case "h" if _CPP.search(head):
            return "C++"
        case "m" if _MATLAB.search(head):
            return "MATLAB"
        case "ts" if head.lstrip().startswith(b"<?xml"):
            return "XML"
        case _ if suffix.isdigit() and _ROFF.match(head):
            return "Roff"
    stem = name.partition(".")[0]
    return found or (_names().get(stem) if stem.endswith("file") else None) or _of_shebang(head)


def _of_shebang(head: bytes) -> str | None:
    match = _SHEBANG.match(head[:200])
    if match is None:
        return None
    program = (match[2] if match[1] == b"env" and match[2] else match[1]).decode("ascii", "replace")
    return _programs().get(program.lower().rstrip("0123456789.-"))


def path_of(uri: str | None) -> str:
    """The path of a file within its source, archive, or site: `upload://s/a.tar!/t/b%20c.txt` -> `t/b c.txt`."""
    if uri is None:
        return ""
    if uri.startswith(SCHEME):
        inner = uri.rpartition(MEMBER)[2] if MEMBER in uri else uri.removeprefix(SCHEME).partition("/")[2]
        return unquote(inner)
    try:
        return unquote(urlsplit(uri).path.lstrip("/"))
    except ValueError:
        return ""


@cache
def _types() -> dict[str, str]:
    return {language.name: language.media_type for language in _LANGUAGES}


@cache
def _suffixes() -> dict[str, str]:
    return {suffix: language.name for language in _LANGUAGES for suffix in language.suffixes.split()}


@cache
def _names() -> dict[str, str]:
    return {name: language.name for language in _LANGUAGES for name in language.names.split()}


@cache
def _programs() -> dict[str, str]:
    return {program: language.name for language in _LANGUAGES for program in language.programs.split()}
