"""Prints golden compressed data in forms that Kafka's Java client does not write but other clients do, one JSON object a line.

Needs `pip install lz4 zstandard python-snappy`. The result is test/golden/codec-frames.jsonl.gz:
    python3 codec_frames.py | gzip -9n > test/golden/codec-frames.jsonl.gz
"""

import base64
import itertools
import json
import random

import lz4.frame
import snappy
import zstandard


def payloads():
    rng = random.Random(7)
    words = [b"page_view", b"login", b"/games/", b"user", b"\xe4\xb8\x96", b"0123456789"]
    text = b" ".join(rng.choice(words) for _ in range(25_000))
    yield "empty", b""
    yield "one byte", b"x"
    yield "short", b"hello hello hello hello"
    yield "text", text
    yield "noise", rng.randbytes(3_000)
    yield "noise, text and zeros", rng.randbytes(2_000) + text[:90_000] + bytes(100_000)


def encoded(raw):
    return base64.b64encode(raw).decode()


def emit(codec, form, name, data, times=1):
    """`data` holds the payload of that name, `times` times over."""
    print(json.dumps({"codec": codec, "form": form, "payload": name, "times": times, "data": encoded(data)}))


def emit_lz4(name, payload):
    sizes = {"64 KB": lz4.frame.BLOCKSIZE_MAX64KB, "4 MB": lz4.frame.BLOCKSIZE_MAX4MB}
    for linked, checksums, (size_name, size) in itertools.product((False, True), (False, True), sizes.items()):
        data = lz4.frame.compress(
            payload, block_size=size, block_linked=linked, content_checksum=checksums, block_checksum=checksums, store_size=checksums
        )
        form = f"{'dependent' if linked else 'independent'} blocks of {size_name}{', checksums and size' if checksums else ''}"
        emit("lz4", form, name, data)


def emit_zstd(name, payload):
    sized = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(payload)
    emit("zstd", "size and checksum", name, sized)
    streamed = zstandard.ZstdCompressor(level=1, write_content_size=False).compressobj()
    data = streamed.compress(payload) + streamed.flush()
    emit("zstd", "streamed", name, data)
    skippable = b"\x53\x2a\x4d\x18\x05\x00\x00\x00skip!"
    emit("zstd", "two frames and a skippable one", name, data + skippable + sized, times=2)
    emit("zstd", "level 19", name, zstandard.ZstdCompressor(level=19).compress(payload))


for payload_name, content in payloads():
    print(json.dumps({"name": payload_name, "content": encoded(content)}))
    emit_lz4(payload_name, content)
    emit_zstd(payload_name, content)
    emit("snappy", "one raw block", payload_name, snappy.compress(content))
