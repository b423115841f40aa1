"""Pictures: a JPEG to a square of pixels."""

import io
import warnings

import torch
from PIL import Image, ImageOps

# Chosen: what a release holds was decoded and judged in a child already; this only bounds what a mistake can cost.
MAX_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP")  # releases hold JPEG; people ask with the others too


def pixels(payload: bytes, side: int) -> torch.Tensor:
    """uint8[3, side, side]: the image in RGB, scaled until it covers a square and cut to it at the centre.

    Raises:
        ValueError: the bytes are no image, or of more than MAX_PIXELS.
    """
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(payload), formats=FORMATS) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"the image has {image.width * image.height} pixels; at most {MAX_PIXELS} are read")
            image.draft("RGB", (2 * side, 2 * side))  # a JPEG is then decoded at an eighth or so of its size
            square = ImageOps.fit(ImageOps.exif_transpose(image).convert("RGB"), (side, side), Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Without the error's own text: it names an address in memory, and this sentence goes into the token index.
        raise ValueError(f"the bytes are no image that can be decoded ({type(error).__name__})") from error
    return torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8).view(side, side, 3).permute(2, 0, 1)


def scaled(images: torch.Tensor) -> torch.Tensor:
    """float32 in -1..1 of uint8 pixels."""
    return images.float() / 127.5 - 1
