"""What stands around the main text of a page and is no part of it: site name, tags, share buttons, related pages, licence line.

Main-content heuristics judge elements; what they let through shows in the lines. A line is judged by where it stands and by what it
says. Within the text nothing is touched but lines without a letter or digit, which are what is left of a row of links.
"""

import re
from collections.abc import Sequence

# The numbers and words here are chosen on the 31 annotated pages of web/html_cc and half of the test pages of Readability.js;
# docs/web-text.md has what they do to the other half.
_PROSE_CHARS = 80  # so long, and with the end of a sentence at its own: a paragraph
_HEADLINE_CHARS = 8  # a shorter line may be the beginning of a title by chance
_HEAD_LINES = 12  # the headline is among so many lines, or there is none
_MOST_BEFORE = 0.2  # of the characters of a text: more before its headline is not furniture ...
_MOST_AFTER = 0.4  # ... nor is more after its last paragraph

# Headings that open a block of furniture: the whole line, but for signs after it. English, German, French, Spanish, Italian,
# Portuguese, Dutch, Chinese, Japanese.
_OPENS = (
    r"(?:more )?related(?: (?:posts?|articles?|stor(?:y|ies)|content|links?|news|pages?|topics?|reading))?",
    r"more (?:related )?(?:stories|news|articles|posts)", r"more (?:from|on|in|about) .{1,60}", r"see also", r"read (?:more|next|also)",
    r"you (?:may|might) also (?:like|enjoy)", r"recommended(?: for you| reading)?", r"around the web",
    r"(?:recent|latest|popular|newest|trending|top|most read|featured) (?:posts?|articles?|stor(?:y|ies)|comments?|news|videos?|slide ?shows?)",
    r"most (?:read|popular|viewed|shared)", r"trending(?: now)?", r"follow us\b.{0,40}", r"share(?: (?:this|on|with|via)\b.{0,40})?",
    r"(?:about|über|sobre|à propos de) (?:the|den|die|el|la|le|l['’])? ?(?:author|writer|autor(?:in)?|auteure?|autore)",
    r"(?:leave|post|write|add) a (?:comment|reply)", r"(?:\d+ )?(?:comments?|responses?|replies|reactions?)(?: \(?\d+\)?)?",
    r"sign up (?:for|to) .{1,60}", r"subscribe(?: (?:to|now)\b.{0,40})?", r"newsletter", r"advertisement", r"sponsored(?: (?:content|links?))?",
    r"ähnliche (?:beiträge|artikel|themen|seiten|inhalte)", r"das könnte (?:sie|dich|ihnen|dir) auch (?:interessieren|gefallen)",
    r"(?:neueste|letzte|aktuelle|beliebte|weitere|verwandte|mehr) (?:beiträge|artikel|kommentare|rezepte|nachrichten|themen|meldungen|news)",
    r"mehr (?:zum thema|lesen|von .{1,40}|aus .{1,40})", r"(?:lesen sie|lies) auch", r"teilen(?: (?:mit|auf|sie)\b.{0,40})?",
    r"gefällt mir.{0,20}", r"(?:\d+ )?(?:kommentare?|antworten|reaktionen)(?: \(?\d+\)?)?", r"(?:schreibe?|hinterlasse?) .{0,20}(?:kommentar|antwort)",
    r"anzeige", r"werbung",
    r"articles? (?:similaires?|liés|récents)", r"sur le même (?:sujet|thème)", r"(?:à lire|lire) aussi", r"partager\b.{0,40}",
    r"(?:\d+ )?commentaires?",
    r"art[ií]culos? relacionados?", r"(?:entradas|noticias|artículos) (?:relacionadas|recientes|relacionados)", r"te puede interesar",
    r"(?:compartir|comparte)\b.{0,40}", r"(?:\d+ )?comentarios?",
    r"articoli (?:correlati|simili|recenti)", r"leggi anche", r"condividi\b.{0,40}", r"(?:\d+ )?commenti",
    r"artigos? relacionados?", r"leia (?:também|mais)", r"(?:compartilhe|partilhar?)\b.{0,40}",
    r"gerelateerde? (?:artikelen|berichten)", r"lees (?:ook|meer|verder)", r"(?:delen|deel dit)\b.{0,40}", r"(?:\d+ )?reacties",
    r"相[关關](?:文章|阅读|閱讀|新闻|新聞|推荐|推薦)", r"分享.{0,6}", r"関連(?:記事|ニュース|リンク)?", r"おすすめ.{0,6}",
)  # fmt: skip
# Lines about the page, the site or its buttons.
_SAYS = (
    r"(?:posted|filed|published|tagged|categori[sz]ed|archived) (?:in|under|with|by|on|as)\b.{0,160}",
    r"dieser (?:beitrag|eintrag|artikel) wurde .{0,300}", r"(?:setze?|bookmark).{0,40}\bpermalink\b.*", r"permalink.{0,60}",
    r"(?:veröffentlicht|geschrieben|abgelegt|verschlagwortet|kategorisiert) (?:in|unter|von|am|mit)\b.{0,160}",
    r"(?:tags?|schlagw[oö]rter|schlagworte|kategorien?|stichworte|categor(?:y|ies)|topics|mots[- ]clés|etiquetas|étiquettes)(?: ?:.{0,200})?",
    r"(?:©|\(c\)|copyright\b).{0,240}",
    r".{0,120}(?:all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|tutti i diritti riservati|todos os direitos reservados|版权所有|版權所有|無断転載).{0,160}",
    r"(?:unless|except where|sofern|soweit|sauf|salvo|tenzij)\b.{0,120}(?:licen[sc]|lizenz|\bcc[ -]by|creative commons|angegeben|ausgewiesen).{0,160}",
    r".{0,100}(?:licensed under|lizenziert unter|steht unter (?:einer|der)).{0,200}",
    r".{0,40}(?:diese|this|ce|esta|questo) (?:seite|website|site|sitio|sito|blog).{0,40}cookies\b.{0,160}",
    r"%d bloggern gefällt das:?", r"loading\W{0,5}", r"(?:wird geladen|lade)\W{1,5}", r"please wait\W{0,5}",
    r"(?:print|drucken|imprimer|e-?mail|edit|bearbeiten|advertisement|anzeige|share|tweet|close|full ?screen|next|previous|zurück|weiter|nach oben|back to top|top|standard)",
    r"(?:page revision|last (?:edited|updated|modified)|zuletzt (?:geändert|bearbeitet)|最終更新).{0,80}",
    r"(?:proudly )?powered by\b.{1,80}", r"(?:theme|design|designed)(?: by|:).{1,80}",
    r"(?:impressum|imprint|datenschutz(?:erklärung)?|privacy policy|terms of (?:use|service)|kontakt|contact us)\b.{0,80}",
    r"(?:view|buy) (?:this )?(?:image|photos?).{0,10}", r"(?:skip ad|embed|captions?|settings)",
)  # fmt: skip
_OPENING = re.compile(rf"(?:{'|'.join(_OPENS)})\W*", re.IGNORECASE)
_SAYING = re.compile(rf"(?:{'|'.join(_SAYS)})\W*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…。！？»”\"')\]:;]$")
_WORD = re.compile(r"\w")
_WORDS = re.compile(r"\w+")
_BULLET = re.compile(r"^(?:[•*·-]|\d+\.)\s+")


def main_lines(text: str, title: str) -> str:
    """The text without the furniture before its headline and after its last paragraph, and without lines that hold no word.

    `title` is that of the page's head, empty for none; the headline is a line near the top that begins or ends it. Nothing is cut
    where it would be too large a share of the text, nor after a text without a single paragraph.
    `main_lines("My Site\\nHow bees dance\\n<80 characters of prose>.\\nShare this:\\nRelated posts", "How bees dance | My Site")` is the
    second line and the third.
    """
    lines = [line for line in text.split("\n") if not line.strip() or _WORD.search(line)]
    plain = [_BULLET.sub("", line.strip()) for line in lines]
    return "\n".join(lines[_first(plain, _folded(title)) : _end(plain)]).strip("\n")


def _first(lines: Sequence[str], title: str) -> int:
    """The row of the headline; 0 where there is none, or a paragraph or too much text stands before it."""
    headline = 0
    for row, line in [(row, line) for row, line in enumerate(lines) if line][1:_HEAD_LINES]:
        folded = _folded(line)
        if len(folded) >= _HEADLINE_CHARS and (title.startswith(folded) or title.endswith(folded)):
            headline = row
            break
    before = lines[:headline]
    if any(map(_is_paragraph, before)) or _characters(before) > _MOST_BEFORE * _characters(lines):
        return 0
    return headline


def _end(lines: Sequence[str]) -> int:
    """The row after the last that is of the text."""
    paragraphs = [row for row, line in enumerate(lines) if _is_paragraph(line)]
    if not paragraphs:
        return len(lines)
    most, after, end, teasers = _MOST_AFTER * _characters(lines), 0, len(lines), 0
    for row in range(len(lines) - 1, paragraphs[0], -1):
        line = lines[row]
        after += len(line)
        if after > most:
            break
        # A block under its heading may hold one paragraph (who the author is); a line about the page ends what has none.
        if (_SAYING.fullmatch(line) and not teasers) or (_OPENING.fullmatch(line) and teasers <= 1):
            end, teasers = row, 0
        else:
            teasers += _is_paragraph(line)
    return end


def _is_paragraph(line: str) -> bool:
    return len(line) >= _PROSE_CHARS and _SENTENCE_END.search(line) is not None


def _characters(lines: Sequence[str]) -> int:
    return sum(map(len, lines))


def _folded(text: str) -> str:
    """Its words alone, in lower case: titles and headlines differ in dashes and quotes."""
    return " ".join(_WORDS.findall(text.casefold()))
