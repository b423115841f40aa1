"""Every error Headwater raises on purpose, as one tree.

HeadwaterError            catch this one: its text names what, where and the cure
|- InputError             what the user gave cannot be used (exit code 2)
|  |- RecipeError         a corpus.toml: unknown key, bad value, stage that is not in the lane
|  |- SiteError           a site.toml, or a store that cannot be reached
|  |- CardError           a source card: missing field, unknown kind
|  |- DataError           labelled texts to train a classifier on: unreadable, of no known layout, an unknown label
|  |- SourceError         a source's `from`: missing, unreadable, of no known layout, changed while read
|  |- ExportRefused       a paper about a release needs an input that nobody recorded
|  `- NotFound            nothing in the ledger answers to this name (never raised for "unknown")
|- StoreError             the store cannot be read or written: full, forbidden, out of reach
|- ModelMissing           a model file is absent or has another digest
|- ChildError             a decoding child cannot start or breaks its protocol (not: a row that kills it)
|- StageError             a stage broke its law (lost a row, changed the order, wrong type)
|- QuarantineExceeded     more rows of one reason were quarantined than the recipe allows
|- TooManyRemoved         dedup would remove more of a source than the recipe allows
|- BalanceError           captured + born differs from the sum of dispositions: the commit is refused
|- LedgerError            the ledger cannot be read or appended to
|  |- ChainBroken         a commit or one of its files was changed, removed or reordered
|  `- CommitConflict      another writer took the sequence number, again and again
|- ShardError             a shard or release does not verify
|- TrainingError          training cannot go on: nothing to train on, a run folder or checkpoint that does not verify
|  |- VocabularyMismatch  tokens, codecs or weights of different vocabularies were put together
|  `- HoldoutLeak         an item of the hold-out was, or would be, trained on
`- QueryRefused           the audit console refuses a statement (not one SELECT, too slow, too large)

try:
    run(recipe, site)
except HeadwaterError as error:
    print(error)          # "what, where: cure"
"""


class HeadwaterError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the CLI ends with."""

    exit_code = 1


class InputError(HeadwaterError):
    """What the user gave cannot be used; nothing was read or written."""

    exit_code = 2


class RecipeError(InputError):
    """A recipe holds an unknown key, a bad value, or a stage its lane does not have."""


class SiteError(InputError):
    """A site file is wrong, or its store cannot be reached."""


class CardError(InputError):
    """A source card lacks a field or holds an unknown value."""


class DataError(InputError):
    """Labelled texts to train or evaluate a classifier on cannot be read, or have labels it does not know."""


class SourceError(InputError):
    """A source's `from` is missing, unreadable, of no known layout, or changed while it was read."""


class PresetError(InputError):
    """A training preset or a `--set` holds an unknown key or a bad value, or differs from that of the run it goes on."""


class ExportRefused(InputError):
    """A paper about a release needs an input that is unknown; nothing was written."""


class NotFound(InputError):
    """Nothing in the ledger answers to the given name."""

    exit_code = 4


class StoreError(HeadwaterError):
    """The store cannot be read or written: the disk is full, access is denied, the network is away."""


class ModelMissing(HeadwaterError):
    """A model file is absent or does not have the digest the table of models names."""


class ChildError(HeadwaterError):
    """A decoding child cannot start or breaks its protocol."""


class StageError(HeadwaterError):
    """A stage broke its law: it lost or invented a row, changed the order, or gave a wrong type."""


class QuarantineExceeded(HeadwaterError):
    """More rows of one reason were quarantined than the recipe allows."""


class TooManyRemoved(HeadwaterError):
    """Dedup would remove a larger share of a source than the recipe allows."""


class BalanceError(HeadwaterError):
    """The dispositions do not add up to what was captured and born."""


class LedgerError(HeadwaterError):
    """The ledger cannot be read or appended to."""


class ChainBroken(LedgerError):
    """A commit or one of its files was changed, removed or reordered."""


class CommitConflict(LedgerError):
    """Another writer took the sequence number every time this one tried."""


class ShardError(HeadwaterError):
    """A shard or a release does not verify."""


class TrainingError(HeadwaterError):
    """Training cannot go on: there is nothing to train on, or a run folder or a checkpoint does not verify."""


class VocabularyMismatch(TrainingError):
    """Tokens, codecs or weights of different vocabularies were put together."""


class HoldoutLeak(TrainingError):
    """An item of the hold-out was, or would be, trained on."""


class QueryRefused(HeadwaterError):
    """The audit console refuses a statement."""

    exit_code = 2
