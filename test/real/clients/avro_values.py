"""Avro values encoded by fastavro, with the JSON text that they should become: one JSON object a line on stdout.

Arguments: SEED COUNT. Lines: {"name", "schema", "reader" (or null), "hex", "json"}; "json" follows the conventions of
src/values/value-decoder.ts, and is made here from the Python values, not from the bytes.
"""
import base64
import datetime
import decimal
import io
import json
import random
import sys
import uuid

import fastavro

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


def text(value):
    """JSON text; a double is written as such, a Raw as it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return '"NaN"'
        if value in (float("inf"), float("-inf")):
            return '"Infinity"' if value > 0 else '"-Infinity"'
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ",".join(text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(key) + ":" + text(item) for key, item in value.items()) + "}"
    raise TypeError(type(value))


def encode(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


def case(name, schema, value, expected, reader=None):
    return {
        "name": name,
        "schema": json.dumps(schema),
        "reader": None if reader is None else json.dumps(reader),
        "hex": encode(schema, value).hex(),
        "json": text(expected),
    }


def record(fields, name="Row", **extra):
    return {"type": "record", "name": name, "fields": fields, **extra}


def field(name, type, **extra):
    return {"name": name, "type": type, **extra}


def logical(type, name, **extra):
    return {"type": type, "logicalType": name, **extra}


def fixed_cases():
    yield case(
        "integers at their bounds",
        record([field(n, t) for n, t in [("a", "long"), ("b", "long"), ("c", "int"), ("d", "int"), ("e", "long")]]),
        {"a": 2**63 - 1, "b": -(2**63), "c": 2**31 - 1, "d": -(2**31), "e": 2**53 + 1},
        {"a": 2**63 - 1, "b": -(2**63), "c": 2**31 - 1, "d": -(2**31), "e": 2**53 + 1},
    )
    yield case(
        "floating point",
        record([field("a", "double"), field("b", "double"), field("c", "float"), field("d", "double")]),
        {"a": 0.1, "b": float("nan"), "c": 0.5, "d": float("-inf")},
        {"a": 0.1, "b": float("nan"), "c": 0.5, "d": float("-inf")},
    )
    money = logical("bytes", "decimal", precision=38, scale=9)
    yield case(
        "decimals",
        record([field("a", money), field("b", {"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 2}), field("c", money)]),
        {"a": decimal.Decimal("-12345678901234567890123456789.012345678"), "b": decimal.Decimal("-0.01"), "c": decimal.Decimal("0")},
        {"a": "-12345678901234567890123456789.012345678", "b": "-0.01", "c": "0.000000000"},
    )
    when = datetime.datetime(2026, 11, 21, 7, 30, 0, 123456, tzinfo=UTC)
    early = datetime.datetime(1901, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    yield case(
        "times",
        record(
            [
                field("ms", logical("long", "timestamp-millis")),
                field("us", logical("long", "timestamp-micros")),
                field("old", logical("long", "timestamp-micros")),
                field("local", logical("long", "local-timestamp-micros")),
                field("day", logical("int", "date")),
                field("tms", logical("int", "time-millis")),
                field("tus", logical("long", "time-micros")),
            ]
        ),
        {
            "ms": when.replace(microsecond=123000),
            "us": when,
            "old": early,
            "local": when.replace(tzinfo=None),
            "day": datetime.date(1969, 12, 31),
            "tms": datetime.time(23, 59, 59, 999000),
            "tus": datetime.time(0, 0, 0, 1),
        },
        {
            "ms": "2026-11-21T07:30:00.123Z",
            "us": "2026-11-21T07:30:00.123456Z",
            "old": "1901-02-03T04:05:06.000007Z",
            "local": "2026-11-21T07:30:00.123456",
            "day": "1969-12-31",
            "tms": "23:59:59.999",
            "tus": "00:00:00.000001",
        },
    )
    one = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
    yield case("uuid", record([field("a", logical("string", "uuid"))]), {"a": str(one)}, {"a": str(one)})
    yield case(
        "text, bytes, enum, fixed",
        record([field("s", "string"), field("b", "bytes"), field("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]}), field("f", {"type": "fixed", "name": "X", "size": 3})]),
        {"s": 'a"\\\n\u0001é\U0001f600', "b": b"\x00\xff", "e": "B", "f": b"abc"},
        {"s": 'a"\\\n\u0001é\U0001f600', "b": "AP8=", "e": "B", "f": "YWJj"},
    )
    tree = record([field("v", "int"), field("next", ["null", "Node"])], name="Node")
    yield case(
        "a record within itself", tree, {"v": 1, "next": {"v": 2, "next": None}}, {"v": 1, "next": {"v": 2, "next": None}}
    )
    yield case(
        "lists, maps, unions",
        record([field("l", {"type": "array", "items": ["null", "long", "string"]}), field("m", {"type": "map", "values": {"type": "array", "items": "int"}})]),
        {"l": [None, 7, "x"], "m": {"k": [1, 2], "": []}},
        {"l": [None, 7, "x"], "m": {"k": [1, 2], "": []}},
    )
    writer = record([field("id", "int"), field("old", "string"), field("gone", {"type": "map", "values": "long"}), field("kind", {"type": "enum", "name": "K", "symbols": ["A", "NEW"]})])
    reader = record(
        [
            field("kind", {"type": "enum", "name": "K", "symbols": ["A", "OTHER"], "default": "OTHER"}),
            field("renamed", ["null", "string"], aliases=["old"]),
            field("id", "long"),
            field("big", "long", default=9223372036854775807),
            field("amount", logical("bytes", "decimal", precision=4, scale=2), default="\u0001\u0000"),
            field("tags", {"type": "array", "items": "string"}, default=["x"]),
        ]
    )
    yield case(
        "a reader's schema with aliases, promotion and defaults",
        writer,
        {"id": 5, "old": "text", "gone": {"a": 1}, "kind": "NEW"},
        {"id": 5, "renamed": "text", "kind": "OTHER", "big": 9223372036854775807, "amount": "2.56", "tags": ["x"]},
        reader,
    )


class Generator:
    """Random schemas with a random value of each."""

    def __init__(self, rng):
        self.rng = rng
        self.names = 0

    def name(self):
        self.names += 1
        return f"T{self.names}"

    def any(self, depth):
        """(schema, value for fastavro, expected)"""
        makers = [self.null, self.boolean, self.int, self.long, self.double, self.float, self.bytes, self.string, self.enum, self.fixed, self.decimal, self.micros, self.date]
        if depth > 0:
            makers += [self.array, self.map, self.union, self.record] * 2
        return self.rng.choice(makers)(depth)

    def null(self, _):
        return "null", None, None

    def boolean(self, _):
        value = self.rng.random() < 0.5
        return "boolean", value, value

    def int(self, _):
        value = self.rng.randint(-(2**31), 2**31 - 1) >> self.rng.randrange(31)
        return "int", value, value

    def long(self, _):
        value = self.rng.randint(-(2**63), 2**63 - 1) >> self.rng.randrange(63)
        return "long", value, value

    def double(self, _):
        value = self.rng.choice([self.rng.uniform(-1e9, 1e9), self.rng.uniform(-1, 1) * 10.0 ** self.rng.randint(-300, 300), 0.0, -0.0])
        return "double", value, value

    def float(self, _):
        value = self.rng.randint(-1000, 1000) / 64
        return "float", value, value

    def bytes(self, _):
        value = self.rng.randbytes(self.rng.randrange(40))
        return "bytes", value, base64.b64encode(value).decode()

    def string(self, _):
        value = "".join(self.rng.choice(['a', '"', "\\", "\n", "é", "\U0001f600", "\u0000", " "]) for _ in range(self.rng.randrange(20)))
        return "string", value, value

    def enum(self, _):
        symbols = [f"S{index}" for index in range(self.rng.randint(1, 5))]
        value = self.rng.choice(symbols)
        return {"type": "enum", "name": self.name(), "symbols": symbols}, value, value

    def fixed(self, _):
        size = self.rng.randrange(20)
        value = self.rng.randbytes(size)
        return {"type": "fixed", "name": self.name(), "size": size}, value, base64.b64encode(value).decode()

    def decimal(self, _):
        precision = self.rng.randint(1, 28)
        scale = self.rng.randint(0, precision)
        unscaled = self.rng.randint(-(10**precision) + 1, 10**precision - 1)
        with decimal.localcontext() as context:
            context.prec = 60
            value = decimal.Decimal(unscaled).scaleb(-scale)
        return logical("bytes", "decimal", precision=precision, scale=scale), value, f"{value:f}"

    def micros(self, _):
        value = EPOCH + datetime.timedelta(microseconds=self.rng.randint(-(2**50), 2**52))
        return logical("long", "timestamp-micros"), value, value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def date(self, _):
        value = datetime.date(1970, 1, 1) + datetime.timedelta(days=self.rng.randint(-30000, 60000))
        return logical("int", "date"), value, value.isoformat()

    def items(self, depth):
        schema, value, expected = self.any(depth - 1)
        count = self.rng.randrange(4)
        return schema, [value] * count, [expected] * count

    def array(self, depth):
        schema, values, expected = self.items(depth)
        return {"type": "array", "items": schema}, values, expected

    def map(self, depth):
        schema, values, expected = self.items(depth)
        keys = [f"k{index}\"é" for index in range(len(values))]
        return {"type": "map", "values": schema}, dict(zip(keys, values)), dict(zip(keys, expected))

    def union(self, depth):
        schema, value, expected = self.any(0)
        while schema == "null":
            schema, value, expected = self.any(0)
        branches = ["null", schema]
        self.rng.shuffle(branches)
        return branches, *self.rng.choice([(None, None), (value, expected)])

    def record(self, depth):
        parts = {f"f{index}": self.any(depth - 1) for index in range(self.rng.randrange(6))}
        fields = [field(name, part[0]) for name, part in parts.items()]
        values = {name: part[1] for name, part in parts.items()}
        return record(fields, name=self.name()), values, {name: part[2] for name, part in parts.items()}


def random_cases(seed, count):
    for index in range(count):
        generator = Generator(random.Random(f"{seed}/{index}"))
        schema, value, expected = generator.record(4)
        yield case(f"random {seed}/{index}", schema, value, expected)


if __name__ == "__main__":
    for line in [*fixed_cases(), *random_cases(sys.argv[1], int(sys.argv[2]))]:
        print(json.dumps(line))
