"""The lanes Headwater ships. A new lane is one file beside this one and one name in the tuple."""

from pipelines.lanes.audio import AUDIO
from pipelines.lanes.books import BOOKS
from pipelines.lanes.code import CODE
from pipelines.lanes.image_caption import IMAGE_CAPTION
from pipelines.lanes.lane import Lane
from pipelines.lanes.web import WEB

LANES: tuple[Lane, ...] = (WEB, BOOKS, CODE, IMAGE_CAPTION, AUDIO)
