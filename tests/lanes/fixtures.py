"""One tiny input for each lane: what the contract is held to. A new lane is one entry more."""

from dataclasses import dataclass

from schemas.annotation import Role
from tests.corpus import books, pictures, programs, sounds
from tests.corpus.pages import html
from tests.corpus.prose import paragraphs


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A payload that its lane keeps. `said`: (role, text) of what others say of it. `text`: stands in what it gives."""

    data: bytes
    media_type: str
    uri: str
    text: str
    said: tuple[tuple[Role, str], ...] = ()


def inputs() -> dict[str, Input]:
    """The input of each lane, by the lane's name."""
    story = paragraphs("contract")
    book, sound = books.tales()[0], sounds.sounds()[0]
    code = programs.tally()["tally/tally/words.py"]
    note = "# The upper weir\n\n" + "\n\n".join(story)
    shown = pictures.caption("0")
    return {
        "web": Input(
            data=html("A story", story), media_type="text/html", uri="http://river.example/a.html", text=story[0]
        ),
        "books": Input(
            data=books.archived(book).encode(), media_type="text/plain", uri="upload://books/a.txt", text="CHAPTER II"
        ),
        "code": Input(
            data=code.encode(), media_type="text/x-python", uri="upload://code/words.py", text="class Tally:"
        ),
        "image_caption": Input(
            data=pictures.photo("0"), media_type="image/jpeg", uri="upload://photos/a.jpg", text=shown,
            said=((Role.CAPTION, shown),),
        ),
        "audio": Input(
            data=sounds.wav(sound.samples), media_type="audio/wav", uri="upload://sounds/a.wav", text=sound.says,
            said=((Role.TRANSCRIPT, sound.says),),
        ),
        "notes": Input(data=note.encode(), media_type="text/markdown", uri="upload://notes/a.md", text=story[1]),
    }  # fmt: skip
