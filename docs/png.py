"""Creates small PNG files: screenshots have few important colours, so a palette of 256 is enough."""

import base64
import struct
import zlib
from collections import Counter

from playwright.sync_api import Page

#: Decodes a PNG in the browser.
READ = """async (picture) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob())
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d')
    canvas.drawImage(image, 0, 0)
    const reader = new FileReader()
    const pixels = canvas.getImageData(0, 0, image.width, image.height).data
    await new Promise((done) => { reader.onload = done; reader.readAsDataURL(new Blob([pixels])) })
    return [image.width, image.height, reader.result.split(',')[1]]
}"""
MOST = 256


def shrink(page: Page, picture: bytes) -> bytes:
    """Return an opaque PNG with the 256 most frequent colours; others become the nearest of them. ``page`` is blank."""
    width, height, encoded = page.evaluate(READ, base64.b64encode(picture).decode())
    pixels = base64.b64decode(encoded)
    colours = [rgb[:3] for (rgb,) in struct.iter_unpack("4s", pixels)]
    counts = Counter(colours)
    palette = [colour for colour, _ in counts.most_common(MOST)]
    index = {colour: number for number, colour in enumerate(palette)}
    index |= {colour: nearest(colour, palette) for colour in counts.keys() - index.keys()}
    shrunk = bytes(index[colour] for colour in colours)
    rows = b"".join(b"\0" + shrunk[start : start + width] for start in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in chunks)


def nearest(colour: bytes, palette: list[bytes]) -> int:
    """Return the index of the most similar colour in the palette."""
    red, green, blue = colour
    distances = [(r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2 for r, g, b in palette]
    return distances.index(min(distances))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG file: length, kind, content and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
