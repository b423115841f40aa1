"""How well languages are told apart on the Universal Declaration of Human Rights, for the languages that the model claims.

    python -m tests.measures.udhr

The model claims what it was trained on, and its file says with how many examples of each language. A file of the UDHR counts
where its ISO 639-3 code is the language of a label, or a member of the macrolanguage that is, in the script that CLDR's
likelySubtags give it. Which languages count therefore follows from the model and the registries, not from what comes out.
"""

import gzip
import json
import signal
import sys
from collections import defaultdict
from dataclasses import dataclass

from pipelines.measures.language import CLAIMED_EXAMPLES, LANGUAGE, examples
from tests.measures.items import SHARED, items_of

FILE = SHARED / "text" / "udhr_langid.jsonl.gz"
# UDHR file -> label. Source: ISO 639-3 with its macrolanguage mappings.
_LABELS = """
    afr=af als=sq amh=am arb=ar ast=ast azj_latn=az bcl=bcl bel=be ben=bn bod=bo bos_latn=bs bre=br bul=bg cat=ca ceb=ceb ces=cs ckb=ckb
    cmn_hans=zh cmn_hant=zh cos=co cym=cy dan=da deu=de deu_1901=de div=dv ell_monotonic=el ell_polytonic=el eml=eml eng=en epo=eo est=et
    eus=eu fin=fi fra=fr fri=fy gla=gd gle=ga glg=gl gug=gn guj=gu hat_kreyol=ht hat_popular=ht heb=he hin=hi hrv=hr hsb=hsb hun=hu hye=hy
    ido=io ilo=ilo ina=ia ind=id isl=is ita=it jav=jv jpn=ja kan=kn kat=ka kaz=kk khk=mn khm=km kir=ky kor=ko lao=lo lat=la lat_1=la lav=lv
    lit=lt lnc=oc ltz=lb mai=mai mal=ml mar=mr min=min mkd=mk mlt=mt mya=my nds=nds nep=ne nld=nl nno=nn nob=no oss=os pam=pam pan=pa
    pbu=ps pes_1=fa pes_2=fa plt=mg pnb=pnb pol=pl por_BR=pt por_PT=pt prv=oc quy=qu quz=qu roh=rm ron=ro ron_1953=ro ron_1993=ro rus=ru
    sah=sah san=sa sco=sco slk=sk slv=sl som=so spa=es src=sc srp_cyrl=sr sun=su swe=sv swh=sw tam=ta tat=tt tgk=tg tgl=tl tha=th
    tuk_latn=tk tur=tr tyv=tyv uig_arab=ug ukr=uk urd=ur uzn_latn=uz vec=vec vep=vep vie=vi war=war wln=wa ydd=yi yor=yo
    """
LABELS = dict(pair.split("=") for pair in _LABELS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Shares of sentences that got their label, 0..1: of all of them, and the mean over the languages."""

    languages: int
    micro: float
    macro: float


def right() -> dict[str, list[bool]]:
    """Language -> for each of its sentences, whether it was known."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["lang"] in LABELS]
    found = LANGUAGE.fn(LANGUAGE, items_of([row["text"] for row in rows])).field("language").to_pylist()
    known = defaultdict(list)
    for row, language in zip(rows, found, strict=True):
        known[LABELS[row["lang"]]].append(language == LABELS[row["lang"]])
    return dict(known)


def accuracy(known: dict[str, list[bool]], at_least: int = CLAIMED_EXAMPLES) -> Accuracy:
    """Over the languages that the model was trained on with so many examples."""
    counted = [known[language] for language, many in examples().items() if many >= at_least and language in known]
    shares = [sum(one) / len(one) for one in counted]
    return Accuracy(
        languages=len(counted), micro=sum(map(sum, counted)) / sum(map(len, counted)), macro=sum(shares) / len(shares)
    )


def main() -> None:
    """Print the accuracy by how many examples a language must have, and each language of those."""
    known = right()
    for at_least in (0, 10_000, 20_000, CLAIMED_EXAMPLES, 100_000):
        found = accuracy(known, at_least)
        sys.stdout.write(
            f"{at_least:>7,} examples: {found.languages:>3} languages, micro {found.micro:.3f}, macro {found.macro:.3f}\n"
        )
    for language, many in sorted(examples().items(), key=lambda pair: -pair[1]):
        if language in known:
            one = known[language]
            sys.stdout.write(f"{language:>4} {many:>9,} {sum(one)}/{len(one)}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it, as it ends `cat`
    main()
