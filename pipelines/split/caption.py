"""Which of the things said of a picture becomes its caption, and what may be wrong with it. Pure; nothing is judged."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.annotation import Role

# Where captions are said, best first, and as what a sample publishes it (schemas/sample.py). Whoever uploads a caption means
# it for the picture; figcaption is read beside it, alt instead of it, a title over it; the others describe a whole page.
UPLOAD = "upload"
SOURCES = {
    "table": UPLOAD, "file": UPLOAD, "member": UPLOAD, "figcaption": "figcaption", "alt": "alt", "title": "title",
    "json_ld": "json_ld", "og": "og",
}  # fmt: skip
_RANKS = {source: rank for rank, source in enumerate(dict.fromkeys(SOURCES.values()))}

MOST_OTHERS = 8  # Chosen: of one page; a table of translations may have more than a training sample needs
_NO_LANGUAGE = ("und", "mul", "mis", "zxx")  # Source: ISO 639-2, codes for special situations

FILE_NAME, BOILERPLATE = "file_name", "boilerplate"

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff]")
_NAME_OF_FILE = re.compile(
    r".*\.(?:jpe?g|jfif|png|gif|webp|bmp|tiff?|avif|svg|heic|psd|raw|cr2|nef|dng)"  # ends like one
    r"|\S*_\S*"  # one word with an underscore
    r"|(?=(?:\D*\d){4})[\w.()-]+"  # one word with four digits: IMG1234, 20190704-001
    r"|(?:https?://|www\.)\S+",
    re.IGNORECASE,
)
_NOT_LETTERS = re.compile(r"[\W\d_]+")
# Chosen: whole captions that say nothing of what is seen, digits and punctuation aside; ours, not taken from a list.
_BOILERPLATE = frozenset(
    (
        "alt", "alt text", "alternative text", "avatar", "background", "background image", "banner", "blank", "bullet", "button",
        "caption", "click for larger image", "click here", "click here to enlarge", "click on image to enlarge", "click to enlarge",
        "click to view", "company logo", "cover", "cover image", "default", "default image", "divider", "download", "enlarge",
        "enlarge image", "featured image", "fig", "figure", "header", "header image", "hero image", "home", "icon", "image",
        "image alt", "image not available", "image not found", "image of", "image placeholder", "image preview", "images", "img",
        "loading", "loading image", "logo", "main image", "menu", "more", "next", "no image", "no image available", "no photo",
        "open image in new window", "photo", "photo gallery", "photograph", "photos", "pic", "picture", "pictures",
        "placeholder", "placeholder image", "post image", "post thumbnail", "preview", "previous", "product image",
        "product photo", "profile image", "profile photo", "profile picture", "read more", "screenshot", "search", "share",
        "site logo", "slide", "spacer", "stock image", "stock photo", "submit", "thumb", "thumbnail", "thumbnail image",
        "undefined", "untitled", "user avatar", "view full size", "view image", "view larger", "view larger image",
        "website logo", "zoom", "zoom in",
        "abbildung", "bild", "bilder", "foto", "fotos", "grafik", "kein bild", "vorschaubild", "zum vergrößern klicken",
        "agrandir", "aucune image", "cliquez pour agrandir", "icône", "image à la une", "photographie",
        "haga clic para ampliar", "icono", "imagen", "imagen destacada", "imágenes", "sin imagen",
        "afbeelding", "icona", "ikona", "immagine", "imagem", "imagem de destaque", "obraz", "obrázek", "zdjęcie",
        "изображение", "изображения", "картинка", "логотип", "фото", "фотография", "зображення", "εικόνα", "φωτογραφία",
        "صورة", "شعار", "图", "图像", "图片", "图标", "照片", "圖片", "標誌", "アイコン", "イメージ", "サムネイル", "ロゴ", "写真", "画像", "이미지", "사진",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A caption as an item has it: one line in NFC, not empty.

    source: a value of SOURCES. language: primary subtag as the sayer declares it ("zh" for zh_CN); null for none. flaw:
    FILE_NAME, BOILERPLATE or null. capture_id: of the capture that says it.
    """

    text: str
    source: str
    language: str | None
    flaw: str | None
    capture_id: bytes


def others(said: Sequence[Mapping[str, Any]], chosen: Caption) -> list[dict[str, str | None]]:
    """What the sayer of the chosen caption says else of the picture: text, source and language of each, best source first.

    Each text once, at most MOST_OTHERS; what is only a file name or boilerplate is none. Others than that sayer may bar the use of
    their words, so theirs are not here.
    """
    found = []
    for order, one in enumerate(said):
        text, source = tidy(one["text"]), SOURCES.get(one["location"])
        if one["capture_id"] == chosen.capture_id and text and source and text != chosen.text and flaw(text) is None:
            found.append((_RANKS[source], order, text, source, primary(one["language"])))
    once: dict[str, dict[str, str | None]] = {}
    for _, _, text, source, language in sorted(found, key=lambda row: row[:2]):
        once.setdefault(text, {"text": text, "source": source, "language": language})
    return list(once.values())[:MOST_OTHERS]


def choose(said: Sequence[Mapping[str, Any]], languages: Sequence[str]) -> Caption | None:
    """The best of what is said of one picture (`schemas.annotation.SAID`); null where nothing is.

    What has no flaw comes first; then the words that may be used most freely; then by SOURCES; a caption before a title; in one of `languages`, in their order, before none
    declared before another; then in the order said. Without languages English is preferred: most detectors and rules know it best.
    """
    preferred = [primary(language) for language in languages] or ["en"]
    found = []
    for order, one in enumerate(said):
        text, source = tidy(one["text"]), SOURCES.get(one["location"])
        if not text or source is None:
            continue
        language = primary(one["language"])
        rank = preferred.index(language) if language in preferred else len(preferred) + (language is not None)
        caption = Caption(text=text, source=source, language=language, flaw=flaw(text), capture_id=one["capture_id"])
        free = one.get("rights_rank") or 0
        key = (caption.flaw is not None, free, _RANKS[source], one["role"] != Role.CAPTION, rank, order)
        found.append((key, caption))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def tidy(text: str) -> str:
    """The text in NFC on one line, without control characters; empty where nothing is left. `" a\\r\\n b\\x00 "` -> `"a b"`."""
    return unicodedata.normalize("NFC", " ".join(_CONTROLS.sub("", text).split()))


def primary(language: str | None) -> str | None:
    """The primary subtag of a language tag: `"zh_CN"` -> `"zh"`; null for what names no language ("und", "English")."""
    subtag = re.split("[-_]", (language or "").strip().lower(), maxsplit=1)[0]
    is_one = subtag.isascii() and subtag.isalpha() and 2 <= len(subtag) <= 3
    return subtag if is_one and subtag not in _NO_LANGUAGE else None


def flaw(text: str) -> str | None:
    """What makes a tidy text no caption: FILE_NAME, BOILERPLATE, or null. `"Image 3:"` is BOILERPLATE, `"IMG_3.jpg"` a FILE_NAME."""
    if _NAME_OF_FILE.fullmatch(text):
        return FILE_NAME
    words = _NOT_LETTERS.sub(" ", text).strip().casefold()
    return BOILERPLATE if words in _BOILERPLATE else None
