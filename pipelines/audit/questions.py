"""Questions: what people ask a ledger again and again, each with a name, its parameters and one answer as a table.

    ask(ledger, "licence-mix") -> pa.Table

An answer is of the ledger's commit, so it stays the same for ever (`Ledger.open(store, commit=N)`). Where nothing was recorded a
value is null, or the text "unknown"; an answer without rows says that there is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.audit import answers, papers
from pipelines.audit.open import Ledger
from pipelines.takedown import open_requests
from schemas.errors import NotFound, QueryRefused

# What a question may take, and what it means.
PARAMETERS = {
    "site": "a URI as captured, or a host (and all below it)",
    "name": "a URI, an item or capture id, a sample key, or a file",
    "release": "the name of another release of this ledger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. `takes`: names of PARAMETERS, in order; `answer` gets the ledger and a text for each."""

    name: str
    asks: str
    answer: Callable[..., pa.Table]
    takes: tuple[str, ...] = ()


QUESTIONS: tuple[Question, ...] = (
    Question(name="published", asks="Is this page or site in the release, and where exactly?", takes=("site",),
             answer=answers.published),
    Question(name="dropped", asks="Why was this page, or what was found on this site, not kept?", takes=("site",),
             answer=answers.dropped),
    Question(name="origin", asks="Where does this item come from, back to the bytes that were fetched?", takes=("name",),
             answer=answers.origin),
    Question(name="robots", asks="What did robots.txt say of this site when it was fetched, and was it followed?", takes=("site",),
             answer=answers.robots),
    Question(name="reservations", asks="Is anything in the release under a statement that reserves training or mining?",
             answer=answers.reservations),
    Question(name="licence-mix", asks="Which licences does the release hold, unknown ones and conflicts shown?",
             answer=answers.licence_mix),
    Question(name="licence-evidence", asks="On what evidence has this the licence that it has?", takes=("name",),
             answer=answers.licence_evidence),
    Question(name="attribution", asks="Whom does the release owe an attribution?", answer=answers.attribution),
    Question(name="outside-policy", asks="Is anything in the release under a licence that the policy does not allow?",
             answer=answers.outside_policy),
    Question(name="copies", asks="Which copies of this are there, near ones included, and which of them are in the release?",
             takes=("name",), answer=answers.copies),
    Question(name="checkpoints", asks="Which checkpoints saw this?", takes=("name",), answer=answers.checkpoints_of),
    Question(name="times", asks="How often was this trained on, up to which step, and which steps fed it?", takes=("name",), answer=answers.times),
    Question(name="domains", asks="Which tenth of the crawled hosts gives most of the release, and which of them does a small provider name?", answer=answers.domains),
    Question(name="sizes", asks="How much of each modality is in the release, in which languages, obtained until when?",
             answer=answers.sizes),
    Question(name="source-shares", asks="Which kinds of sources, and which sources, make up each modality?",
             answer=answers.source_shares),
    Question(name="funnel", asks="How many items ended at which stage, for which reason?", answer=answers.funnel),
    Question(name="changes", asks="What is in the release that was not in another one, what is gone, and why?", takes=("release",),
             answer=answers.changes),
    Question(name="made-by", asks="Which recipe, code, stages and models (with their digests) made the release?", answer=answers.made_by),
    Question(name="sources", asks="Which source cards stand behind the release, with how many items?", answer=papers.sources),
    Question(name="hours", asks="How many hours of sound are in the release?", answer=papers.hours),
    Question(name="credits", asks="What must a notice say of each item that is owed one?", answer=papers.credits),
    Question(name="edited", asks="What was replaced in what is published, how often?", answer=papers.edited),
    Question(name="withheld", asks="How much was not taken or not kept because of rights?", answer=papers.withheld),
    Question(name="takedown-work", asks="Which shards must be rewritten for requests that were accepted, and until when?",
             answer=open_requests.work),
    Question(name="requests", asks="Which requests to take something out were made, where do they stand, and which are overdue?",
             answer=open_requests.register),
)  # fmt: skip


def question(name: str) -> Question:
    """The question of this name. Raises NotFound with those there are."""
    for one in QUESTIONS:
        if one.name == name:
            return one
    raise NotFound(f"no question is named {name!r}; there are: {', '.join(one.name for one in QUESTIONS)}")


def ask(ledger: Ledger, name: str, values: Sequence[str] = ()) -> pa.Table:
    """The answer to a question. `values`: one for each name in `takes`.

    Raises:
        NotFound: no question has that name, or nothing in the ledger answers to a value.
        QueryRefused: another number of values.
    """
    asked = question(name)
    if len(values) != len(asked.takes):
        wanted = ", ".join(f"{one.upper()} ({PARAMETERS[one]})" for one in asked.takes) or "nothing"
        raise QueryRefused(f"question {name} takes {wanted}; {len(values)} values were given")
    answer: pa.Table = asked.answer(ledger, *values)
    return answer
