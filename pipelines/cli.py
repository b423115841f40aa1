"""The command `headwater`: one verb per job. Each verb's module imports what it needs when it runs, so that the audit
answers in under a second.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.verbs import (
    audit,
    corpus,
    duplicates,
    exports,
    late,
    lookup,
    models,
    overlap,
    prove,
    rights,
    run,
    takedown,
    training,
    ui,
)
from schemas.errors import HeadwaterError

Arguments = argparse.Namespace
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One word a user types: what it does, an example, its arguments, and the function that does it."""

    name: str
    does: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    call: Callable[[Arguments], None]


VERBS = (
    Verb(name="init", does="write a commented corpus.toml, a source card and a site.toml to start from",
         example="headwater init ours", arguments=corpus.init_arguments, call=corpus.init),
    Verb(name="check", does="test recipe, cards, inputs, models and site without reading data",
         example="headwater check ours/corpus.toml --site ours", arguments=corpus.check_arguments, call=corpus.check),
    Verb(name="plan", does="show stages, versions, thresholds and digest of a recipe, and estimate a run from a sample",
         example="headwater plan ours/corpus.toml", arguments=corpus.plan_arguments, call=corpus.plan),
    Verb(name="run", does="capture, curate, release and commit; what was done before is not done again",
         example="headwater run ours/corpus.toml --site ours", arguments=run.run_arguments, call=run.run_verb),
    Verb(name="inspect", does="say what would be done with a page, a file or a URL, without a ledger",
         example="headwater inspect page.html", arguments=run.inspect_arguments, call=run.inspect_verb),
    Verb(name="fetch", does="ask for every URL of a table, politely, and say what became of each row",
         example="headwater fetch photos.csv --url-col url --caption-col alt --contact you@example.org --site ours",
         arguments=run.fetch_arguments, call=run.fetch_verb),
    Verb(name="robots", does="say whether agents may fetch URLs, and which line of a robots.txt says so",
         example="headwater robots robots.txt --agent GPTBot https://a.example/private/",
         arguments=rights.robots_arguments, call=rights.robots),
    Verb(name="recheck", does="visit the sites of a release again, and list what is newly reserved",
         example="headwater recheck --site ours", arguments=rights.recheck_arguments, call=rights.recheck),
    Verb(name="why", does="tell the whole life of a URI, item id, sample key or file",
         example="headwater why http://river.example/ --site ours", arguments=audit.name_arguments, call=audit.why),
    Verb(name="where", does="tell which release, shard and offset hold an item",
         example="headwater where 3f2a... --site ours", arguments=audit.name_arguments, call=audit.where),
    Verb(name="drops", does="count what was not kept, by stage and reason",
         example="headwater drops --site ours --by source", arguments=audit.drops_arguments, call=audit.drops),
    Verb(name="duplicates", does="show what is like an item and which was kept, or every similar pair or repeated span of a file of your own",
         example="headwater duplicates --jsonl texts.jsonl --at-least 0.8 --shingle word5",
         arguments=duplicates.duplicates_arguments, call=duplicates.duplicates),
    Verb(name="overlap", does="find evaluation problems and protected works in a file of your own, or in what a site keeps",
         example="headwater overlap --jsonl texts.jsonl --against evals", arguments=overlap.overlap_arguments, call=overlap.overlap),
    Verb(name="ask", does="answer a named question; without one, list them",
         example="headwater ask licence-mix --site ours", arguments=audit.ask_arguments, call=audit.ask),
    Verb(name="whatif", does="tell what other thresholds or another policy would have kept, from stored numbers",
         example="headwater whatif quality.gopher.min_words=40 --site ours", arguments=late.whatif_arguments, call=late.whatif),
    Verb(name="requests", does="list the requests to take something out, file one, or say what was decided",
         example="headwater requests add R-1 --domain river.example --basis copyright --site ours",
         arguments=takedown.requests_arguments, call=takedown.requests),
    Verb(name="forget", does="take out what a request covers, everywhere the site holds it; shows the plan unless --apply",
         example="headwater forget --domain river.example --request R-1 --site ours",
         arguments=takedown.forget_arguments, call=takedown.forget),
    Verb(name="verify", does="re-read every byte of the ledger and its releases, or of one release",
         example="headwater verify --site ours", arguments=audit.verify_arguments, call=audit.verify),
    Verb(name="prove", does="prove that a sample is in a release, for people who have neither it nor the ledger; or check a proof",
         example="headwater prove http://river.example/ --out proof.json --site ours", arguments=prove.prove_arguments, call=prove.prove),
    Verb(name="compact", does="merge the ledger's many small files into sorted ones; what it answers stays the same",
         example="headwater compact --site ours", arguments=audit.compact_arguments, call=audit.compact),
    Verb(name="clean", does="list what killed runs left in the store and nothing names; delete it with --apply",
         example="headwater clean --site ours", arguments=audit.clean_arguments, call=audit.clean),
    Verb(name="lookup", does="serve the page \"is my site in it?\", on which whoever has a site asks, and files requests",
         example="headwater lookup --site ours --port 8080", arguments=lookup.lookup_arguments, call=lookup.lookup),
    Verb(name="sql", does="ask the ledger one SELECT, read-only",
         example="headwater sql 'select state, count(*) from disposition group by 1' --site ours",
         arguments=audit.sql_arguments, call=audit.sql),
    Verb(name="export", does="write a paper of a release: Croissant, the EU's summary, a notice, a card, rows, SPDX, OpenLineage",
         example="headwater export croissant ours-3f2a --site ours --out croissant.json",
         arguments=exports.export_arguments, call=exports.export),
    Verb(name="certify", does="derive a sample of a release's items again from raw captures and compare",
         example="headwater certify ours-3f2a --sample 50 --site ours --out certificate.json",
         arguments=exports.certify_arguments, call=exports.certify),
    Verb(name="train", does="train a model on a release; goes on exactly where it was interrupted",
         example="headwater train ours-3f2a --site ours --out runs/first --preset nano",
         arguments=training.train_arguments, call=training.start),
    Verb(name="tune", does="go on with a small task, stop by its validation items, measure once on its hold-out",
         example="headwater tune runs/first ours-3f2a --site ours --lane books --source quiz --out runs/quiz",
         arguments=training.tune_arguments, call=training.start),
    Verb(name="generate", does="go on with a text, answer a question, say what an image shows",
         example="headwater generate runs/first --image photo.jpg",
         arguments=training.generate_arguments, call=training.start),
    Verb(name="evaluate", does="measure a model on held-out items of a release, by modality",
         example="headwater evaluate runs/first ours-3f2a --site ours",
         arguments=training.evaluate_arguments, call=training.start),
    Verb(name="commit", does="commit what a training run recorded to the site's ledger",
         example="headwater commit runs/first --site ours", arguments=training.commit_arguments, call=training.commit),
    Verb(name="models", does="list, fetch or digest model files; train or evaluate the classifiers of spam, hate and quality",
         example="headwater models train spam --data sms_spam.tsv --out models", arguments=models.models_arguments,
         call=models.models),
    Verb(name="ui", does="open the Dagster page of a recipe at a site, behind a guard",
         example="headwater ui --recipe ours/corpus.toml --site ours", arguments=ui.ui_arguments, call=ui.ui),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    top = argparse.ArgumentParser(
        prog="headwater",
        description="Curates training corpora that can be traced back to the source. Evidence, not legal advice.",
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        sub = verbs.add_parser(verb.name, help=verb.does, description=verb.does, epilog=f"example: {verb.example}")
        sub.add_argument("--json", action="store_true", help="print JSON for machines instead of text")
        sub.add_argument("--site", metavar="DIR", help="folder or site.toml; else HEADWATER_SITE, else ./site.toml")
        verb.arguments(sub)
        sub.set_defaults(call=verb.call)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code is 0, or that of the error."""
    asked = parser().parse_args(arguments)
    try:
        asked.call(asked)
    except HeadwaterError as error:
        return _failed(asked, type(error).__name__, str(error), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away (| head): nothing to say, nothing to lose
        return 0
    except (KeyboardInterrupt, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "Query interrupted" not in str(error):  # DuckDB's word for it
            raise
        return _failed(
            asked, "Interrupted", "stopped; nothing half done is visible: run it again to go on", INTERRUPTED
        )
    except OSError as error:  # the machine's fault, and not of a file that a room names in an error of its own
        where = f"{error.filename}: " if error.filename else ""
        return _failed(asked, "OSError", f"{where}{error.strerror or error}; nothing half done is visible", 1)
    return 0


def _failed(asked: Arguments, kind: str, message: str, exit_code: int) -> int:
    """Say what went wrong, in one line; for machines as JSON too."""
    if asked.json:
        print(json.dumps({"error": kind, "message": message}))
    print(f"headwater {asked.verb}: {message}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
