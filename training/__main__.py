"""The command `python -m training`: one verb a job. With --json the last line of its output is one JSON object.

Started by hand, by `headwater`, by Dagster, or by torchrun: `torchrun --nproc-per-node 2 -m training train ...`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.verbs import show
from pipelines.verbs import training as verbs
from schemas.errors import HeadwaterError, InputError

Arguments = argparse.Namespace
INTERRUPTED = 130  # Source: shells: 128 and the number of SIGINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One word a user types: what it does, an example, its arguments, and the function that does it and says how it ended."""

    name: str
    does: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    call: Callable[[Arguments], Mapping[str, Any] | None]


def train(asked: Arguments) -> Mapping[str, Any] | None:
    """Train a model on a release."""
    from training import config
    from training.cluster import cluster
    from training.pretrain import pretrain
    from training.progress import progress

    preset = config.load(asked.preset, asked.set or ())
    with cluster(preset.threads) as here, progress(_path(asked.progress_file), is_first=here.is_first) as tell:
        ended = pretrain(Path(asked.release), Path(asked.out), preset, here, tell, made=_path(asked.tokens))
        return {"run": asked.out} | ended if here.is_first else None


def tune(asked: Arguments) -> Mapping[str, Any] | None:
    """Go on with a small task."""
    from training import config, run
    from training.cluster import cluster
    from training.progress import progress
    from training.tune import Task
    from training.tune import tune as go_on

    base = Path(asked.model)
    preset = config.changed(run.config_of(run.chosen(base)[0]), asked.set or ())
    task = Task(lane=asked.lane, sources=tuple(asked.source or ()))
    with cluster(preset.threads) as here, progress(_path(asked.progress_file), is_first=here.is_first) as tell:
        ended = go_on(base, Path(asked.release), Path(asked.out), task, preset, here, tell)
        return {"run": asked.out} | ended if here.is_first else None


def generate(asked: Arguments) -> Mapping[str, Any]:
    """Ask a model for a text."""
    from training import run
    from training.cluster import cluster
    from training.generate import Sampling, prompt_ids, voice
    from training.generate import generate as ask

    path = Path(asked.model)
    sampling = Sampling(
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        seed=asked.seed,
        stop=tuple(asked.stop or ()),
    )
    with cluster(run.config_of(run.chosen(path)[0]).threads):
        one = voice(path)
        try:
            prompt = prompt_ids(
                one.encoders,
                text=asked.text or "",
                question=asked.question or "",
                image=_content(asked.image),
                sound=_content(asked.sound),
            )
        except ValueError as error:
            raise InputError(f"{asked.image or asked.sound}: {error}") from error
        return {"text": ask(one, prompt, sampling), "checkpoint_id": one.checkpoint_id.hex()}


def evaluate(asked: Arguments) -> Mapping[str, Any]:
    """Measure a model on items of a release."""
    from training import run
    from training.cluster import cluster
    from training.evaluate import evaluate as measure

    path = Path(asked.model)
    with cluster(run.config_of(run.chosen(path)[0]).threads) as here, tempfile.TemporaryDirectory() as scratch:
        return measure(path, Path(asked.release), asked.split, asked.lane, Path(scratch), here)


def tokenize(asked: Arguments) -> Mapping[str, Any]:
    """Make vocabulary and tokens of a release, for several runs to share."""
    from training import config, encoders, tokens
    from training.cluster import cluster
    from training.pretrain import tokenise
    from training.progress import progress
    from training.shards import open_release

    preset, out = config.load(asked.preset, asked.set or ()), Path(asked.out)
    release = open_release(Path(asked.release))
    with cluster(preset.threads), progress(_path(asked.progress_file)) as tell:
        tokenise(release, out, preset, tell)
    found = tokens.load(out / "tokens", release_root=release.root)
    codecs = json.loads((out / "vocabulary" / "report.json").read_bytes())
    words = encoders.load(out / "vocabulary", preset).vocabulary
    facts = {"vocabulary": words.digest.hex(), "ids": words.size, "codecs": codecs}
    return facts | {"items": len(found.index), "tokens": len(found.ids), "problems": found.problems}


VERBS = (
    Verb(name="tokenize", does="learn vocabulary and codecs of a release, and write its tokens, for several runs to share",
         example="python -m training tokenize site/releases/ours-3f2a --out tokens", arguments=verbs.tokenize_arguments,
         call=tokenize),
    Verb(name="train", does="train a model on a release; goes on exactly where it was interrupted",
         example="python -m training train site/releases/ours-3f2a --out runs/first --preset nano",
         arguments=verbs.train_arguments, call=train),
    Verb(name="tune", does="go on with a small task, stop by its validation items, measure once on its hold-out",
         example="python -m training tune runs/first site/releases/ours-3f2a --lane books --source quiz --out runs/quiz",
         arguments=verbs.tune_arguments, call=tune),
    Verb(name="generate", does="go on with a text, answer a question, say what an image shows",
         example="python -m training generate runs/first --image photo.jpg --max-tokens 30",
         arguments=verbs.generate_arguments, call=generate),
    Verb(name="evaluate", does="measure the loss on held-out items of a release, by modality",
         example="python -m training evaluate runs/first site/releases/ours-3f2a --split validation",
         arguments=verbs.evaluate_arguments, call=evaluate),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    top = argparse.ArgumentParser(prog="python -m training", description="Trains models on releases, and asks them.")
    subs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        sub = subs.add_parser(verb.name, help=verb.does, description=verb.does, epilog=f"example: {verb.example}")
        sub.add_argument("--json", action="store_true", help="print one JSON object for machines, on the last line")
        verb.arguments(sub)
        sub.set_defaults(call=verb.call)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code is 0, or that of the error."""
    asked = parser().parse_args(arguments)
    try:
        if "release" in asked and asked.release is None:
            raise InputError("name the folder of a release; `headwater` alone knows a site and its last one")
        ended = asked.call(asked)
        if ended is not None:
            show.as_json(ended) if asked.json else show.lines(ended)
    except HeadwaterError as error:
        return _failed(asked, type(error).__name__, str(error), error.exit_code)
    except ModuleNotFoundError as error:
        return _failed(asked, "InputError", f"{error.name} is not installed: pip install 'headwater[train]'", 2)
    except KeyboardInterrupt:
        return _failed(asked, "Interrupted", "stopped; the same command goes on from the last checkpoint", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away (| head): nothing to say, nothing to lose
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(asked, "OSError", f"{where}{error.strerror or error}; nothing half done is visible", 1)
    return 0


def _failed(asked: Arguments, kind: str, message: str, exit_code: int) -> int:
    """Say what went wrong, in one line; for machines as JSON too."""
    if asked.json:
        print(json.dumps({"error": kind, "message": message}))
    print(f"headwater {asked.verb}: {message}", file=sys.stderr)
    return exit_code


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None


def _content(name: str | None) -> bytes:
    if not name:
        return b""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
