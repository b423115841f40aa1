"""The colours of a decoded picture: any mode becomes RGB without transparency, and any profile sRGB. Only the child calls this."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageCms

# Chosen: the names that makers of profiles give to sRGB itself ("sRGB IEC61966-2.1", "c2" is Facebook's TINYsRGB).
_SRGB_NAMES = ("srgb", "c2")
WHITE, BLACK = "white", "black"
# Chosen: grey levels that cannot be told from white on a page; of 591 stamps only the white bolt of lightning has nothing darker.
_LIGHT = 235
_SPACES = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY"}  # modes that a profile can be for. Source: ICC.1:2022, table 19


def opaque(picture: Image.Image) -> tuple[Image.Image, str | None]:
    """The first picture in RGB and sRGB, 16-bit grey by its upper 8 bits; and what it was put on: null for one without transparency.

    It is put on white, but one that is all light on black: on white nothing of it would be seen.

    Raises:
        ValueError: pixels whose scale is not known.
    """
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB"), None
    if picture.mode in ("I", "F"):
        raise ValueError("pixels of 32 bits")
    profile = _profile(picture)
    if not picture.has_transparency_data:
        if picture.mode in _SPACES and (found := _srgb(picture, profile)) is not None:
            return found, None
        return _converted(picture.convert("RGB"), profile), None
    if picture.mode != "RGBA":
        picture = picture.convert("RGBA")
    found = _put_on(WHITE, picture, profile)
    if _least(found.convert("L")) < _LIGHT or _least(picture.getchannel("A")) == 255:
        return found, WHITE
    del found  # a picture of 40 megapixels takes 120 MB
    return _put_on(BLACK, picture, profile), BLACK


def _least(band: Image.Image) -> int:
    """The least value of a picture of one band."""
    low, _ = band.getextrema()
    assert isinstance(low, int)
    return low


def _put_on(background: str, picture: Image.Image, profile: Any) -> Image.Image:
    """The picture in RGBA on one colour."""
    if profile is None:
        found = Image.new("RGB", picture.size, background)
        found.paste(picture, mask=picture)
        return found
    found = _converted(picture.convert("RGB"), profile)
    found.paste(background, mask=ImageChops.invert(picture.getchannel("A")))
    return found


def has_profile(picture: Image.Image) -> bool:
    """Whether a colour profile other than sRGB came with the picture that can be read and is for its mode."""
    profile = _profile(picture)
    return profile is not None and profile.profile.xcolor_space in (_SPACES.get(picture.mode), "RGB ")


def _profile(picture: Image.Image) -> Any:
    """The profile that came with a picture; null for none, sRGB, or one that cannot be read."""
    data = picture.info.get("icc_profile")
    if not data:
        return None
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = (ImageCms.getProfileDescription(found) or "").strip().lower()
    except (OSError, ImageCms.PyCMSError):
        return None
    return None if name.startswith(_SRGB_NAMES) else found


def _converted(colours: Image.Image, profile: Any) -> Image.Image:
    """RGB pixels in sRGB; as they are where the profile is none for RGB."""
    found = _srgb(colours, profile)
    return colours if found is None else found


def _srgb(picture: Image.Image, profile: Any) -> Image.Image | None:
    """The picture in sRGB by its profile; null where that is for other colours, or cannot be used."""
    if profile is None or profile.profile.xcolor_space != _SPACES[picture.mode]:
        return None
    try:
        # Perceptual is what profiles of photographs are made for. Source: ICC.1:2022, section 6.2
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, profile, target, ImageCms.Intent.PERCEPTUAL, outputMode="RGB")
    except (OSError, ImageCms.PyCMSError):
        return None
