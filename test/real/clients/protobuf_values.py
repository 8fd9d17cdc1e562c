"""Protobuf values encoded by Google's Python library, with the JSON text that they should become: one JSON object a line.

Arguments: SEED COUNT. Lines: {"name", "schema", "references": [{"name", "text"}], "message", "hex", "json"}. The schemas are
compiled by protoc; "json" is made from the message objects by reflection.
"""
import base64
import datetime
import json
import pathlib
import random
import sys
import tempfile

sys.dont_write_bytecode = True

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from grpc_tools import protoc
import grpc_tools

from avro_values import text

OTHER = """syntax = "proto3";
package lab.other;
message Place { double lat = 1; double lon = 2; Kind kind = 3; enum Kind { UNKNOWN = 0; CITY = 1; } }
"""

MAIN3 = """syntax = "proto3";
package lab;
import "other/place.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/empty.proto";
message First { int32 only = 1; }
message Event {
  int64 user_id = 1; uint64 big = 2; sint64 delta = 3; fixed64 f64 = 4; sfixed64 sf64 = 5;
  int32 small = 6; uint32 usmall = 7; sint32 sdelta = 8; fixed32 f32 = 9; sfixed32 sf32 = 10;
  bool flag = 11; string text = 12; bytes raw = 13; double ratio = 14; float single = 15;
  optional int64 maybe = 16;
  repeated int64 numbers = 17; repeated string words = 18; repeated sint32 loose = 19 [packed = false];
  map<string, int64> counts = 20; map<int32, Inner> inners = 21; map<bool, string> flags = 22;
  oneof choice { string left = 23; Inner right = 24; int64 number = 25; }
  lab.other.Place place = 26;
  lab.other.Place.Kind kind = 27;
  google.protobuf.Timestamp at = 28; google.protobuf.Duration took = 29;
  google.protobuf.Int64Value wrapped = 30; google.protobuf.StringValue wrapped_text = 31;
  google.protobuf.Struct free = 32; google.protobuf.Any any = 33; google.protobuf.FieldMask mask = 34;
  google.protobuf.Empty empty = 35;
  Event parent = 36;
  repeated Inner list = 37;
  message Inner { int64 a = 1; repeated lab.other.Place.Kind kinds = 2; message Deep { string x = 1; } Deep deep = 3; }
}
"""

MAIN2 = """syntax = "proto2";
message Old {
  required int32 id = 1;
  optional string name = 2 [default = "none"];
  repeated int32 packed = 3 [packed = true];
  repeated int32 loose = 4;
  optional group Part = 5 { optional int64 a = 6; optional string b = 7; }
  repeated group Item = 8 { required uint64 n = 9; }
  enum Color { RED = 1; BLUE = 5; }
  optional Color color = 10 [default = BLUE];
  extensions 100 to 200;
}
"""


def compile_protos(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        out = pathlib.Path(folder, "set.bin")
        include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        args = ["protoc", f"-I{folder}", f"-I{include}", "--include_imports", f"--descriptor_set_out={out}", *files]
        if protoc.main(args) != 0:
            raise SystemExit("protoc failed")
        files_set = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files_set.file:
        pool.Add(file)
    return pool


def scalar(field, value):
    if field.type == F.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.type == F.TYPE_ENUM:
        found = field.enum_type.values_by_number.get(value)
        return found.name if found else str(value)
    if field.type in (F.TYPE_MESSAGE, F.TYPE_GROUP):
        return expected(value)
    return value


def stamp(seconds, nanos):
    when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    digits = 3 if nanos % 10**6 == 0 else 6 if nanos % 1000 == 0 else 9
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{nanos:09d}"[:digits] + "Z"


def expected(message):
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        return stamp(message.seconds, message.nanos)
    if name == "google.protobuf.Duration":
        total = message.seconds * 10**9 + message.nanos
        digits = f"{abs(total):010d}"
        body = f"{digits[:-9]}.{digits[-9:]}".rstrip("0").rstrip(".")
        return ("-" if total < 0 else "") + body + "s"
    if name.startswith("google.protobuf.") and name.endswith("Value") and name not in ("google.protobuf.Value", "google.protobuf.ListValue"):
        return scalar(message.DESCRIPTOR.fields_by_name["value"], message.value)
    if name == "google.protobuf.Struct":
        return {key: expected(value) for key, value in message.fields.items()}
    if name == "google.protobuf.ListValue":
        return [expected(value) for value in message.values]
    if name == "google.protobuf.Value":
        kind = message.WhichOneof("kind")
        if kind in (None, "null_value"):
            return None
        value = getattr(message, kind)
        return expected(value) if kind in ("struct_value", "list_value") else value
    if name == "google.protobuf.FieldMask":
        return ",".join(message.paths)
    if name == "google.protobuf.Any":
        return {"@type": message.type_url, "value": base64.b64encode(message.value).decode()}
    out = {}
    for field in message.DESCRIPTOR.fields:
        if field.message_type and field.message_type.GetOptions().map_entry:
            value_field = field.message_type.fields_by_name["value"]
            entries = getattr(message, field.name)
            out[field.name] = {
                ("true" if key is True else "false" if key is False else str(key)): scalar(value_field, entries[key])
                for key in entries
            }
        elif field.is_repeated:
            out[field.name] = [scalar(field, item) for item in getattr(message, field.name)]
        elif field.has_presence:
            if message.HasField(field.name):
                out[field.name] = scalar(field, getattr(message, field.name))
        else:
            out[field.name] = scalar(field, getattr(message, field.name))
    return out


def random_scalar(field, rng):
    bits = {F.TYPE_INT32: (-31, 31), F.TYPE_SINT32: (-31, 31), F.TYPE_SFIXED32: (-31, 31), F.TYPE_UINT32: (0, 32), F.TYPE_FIXED32: (0, 32)}
    bits |= {F.TYPE_INT64: (-63, 63), F.TYPE_SINT64: (-63, 63), F.TYPE_SFIXED64: (-63, 63), F.TYPE_UINT64: (0, 64), F.TYPE_FIXED64: (0, 64)}
    if field.type in bits:
        low, high = bits[field.type]
        return rng.randint(-(2**-low) if low else 0, 2**high - 1) >> rng.randrange(high)
    if field.type == F.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type == F.TYPE_DOUBLE:
        return rng.uniform(-1e6, 1e6)
    if field.type == F.TYPE_FLOAT:
        return rng.randint(-1000, 1000) / 64
    if field.type == F.TYPE_STRING:
        return "".join(rng.choice("ab\"\\\n\u00e9\U0001f600\u0001") for _ in range(rng.randrange(12)))
    if field.type == F.TYPE_BYTES:
        return rng.randbytes(rng.randrange(12))
    if field.type == F.TYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    raise TypeError(field.type)


def fill(message, rng, depth):
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.seconds = rng.randint(-(10**9), 4 * 10**9)
        message.nanos = rng.choice([0, 5 * 10**6, 123456000, 999999999])
        return
    if name == "google.protobuf.Duration":
        message.seconds = rng.randint(0, 10**6)
        message.nanos = rng.choice([0, 5 * 10**8, 1])
        return
    if name == "google.protobuf.Struct":
        message.update({"a": 1.5, "b": [True, None, "x"], "c": {"d": {}}})
        return
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.4 and not field.is_required:
            continue
        is_message = field.type in (F.TYPE_MESSAGE, F.TYPE_GROUP)
        if field.message_type and field.message_type.GetOptions().map_entry:
            entries = getattr(message, field.name)
            key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
            for _ in range(rng.randrange(3)):
                if value.message_type:
                    fill(entries[random_scalar(key, rng)], rng, depth - 1)
                else:
                    entries[random_scalar(key, rng)] = random_scalar(value, rng)
        elif field.is_repeated:
            for _ in range(rng.randrange(4)):
                if is_message:
                    fill(getattr(message, field.name).add(), rng, depth - 1)
                else:
                    getattr(message, field.name).append(random_scalar(field, rng))
        elif is_message:
            if depth > 0:
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), rng, depth - 1)
        else:
            setattr(message, field.name, random_scalar(field, rng))


def main(seed, count):
    pools = [
        (MAIN3, [{"name": "other/place.proto", "text": OTHER}], ["lab.Event", "lab.Event.Inner"], {"main.proto": MAIN3, "other/place.proto": OTHER}),
        (MAIN2, [], ["Old"], {"old.proto": MAIN2}),
    ]
    for schema, references, names, files in pools:
        pool = compile_protos(files)
        for name in names:
            factory = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
            for index in range(count):
                message = factory()
                fill(message, random.Random(f"{seed}/{name}/{index}"), 3)
                yield {
                    "name": f"{name} {seed}/{index}",
                    "schema": schema,
                    "references": references,
                    "message": name,
                    "hex": message.SerializeToString().hex(),
                    "json": text(expected(message)),
                }


if __name__ == "__main__":
    for line in main(sys.argv[1], int(sys.argv[2])):
        print(json.dumps(line))
