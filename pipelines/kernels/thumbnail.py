"""The thumbnail by which pictures are compared: uint8[SIDE, SIDE, 3], row by row, red, green, blue.

The whole picture, whatever its shape, squeezed into a square. Here apart, so that the child that makes it needs no compiler.
"""

import pyarrow as pa

SIDE = 32
THUMBNAIL_BYTES = SIDE * SIDE * 3
THUMBNAIL = pa.binary(THUMBNAIL_BYTES)
