"""Confluent's Python client against a schema registry: every call of its admin side, and its serializers.

Arguments: REGISTRY_URL, then for `produce`: BOOTSTRAP. Commands (first argument): `check` prints what it saw as one JSON object;
`produce` writes framed Avro, Protobuf and JSON records to the topics avro, protobuf and json.
"""
import datetime
import decimal
import json
import sys

sys.dont_write_bytecode = True

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

V1 = json.dumps({"type": "record", "name": "User", "fields": [{"name": "id", "type": "long"}]})
V2 = json.dumps(
    {
        "type": "record",
        "name": "User",
        "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": "string", "default": ""}],
    }
)
BROKEN = json.dumps(
    {"type": "record", "name": "User", "fields": [{"name": "id", "type": "string"}]}
)


def failure(call):
    try:
        call()
    except SchemaRegistryError as error:
        return [error.http_status_code, error.error_code]
    return None


def check(url):
    client = SchemaRegistryClient({"url": url})
    seen = {}
    seen["first"] = client.register_schema("user-value", Schema(V1, "AVRO"))
    seen["again"] = client.register_schema("user-value", Schema(json.dumps(json.loads(V1), indent=2), "AVRO"))
    seen["other subject"] = client.register_schema("other-value", Schema(V1, "AVRO"))
    seen["compatible"] = client.test_compatibility("user-value", Schema(V2, "AVRO"))
    seen["incompatible"] = client.test_compatibility("user-value", Schema(BROKEN, "AVRO"))
    seen["refused"] = failure(lambda: client.register_schema("user-value", Schema(BROKEN, "AVRO")))
    seen["invalid"] = failure(lambda: client.register_schema("user-value", Schema('{"type":"nothing"}', "AVRO")))
    seen["second"] = client.register_schema("user-value", Schema(V2, "AVRO"))
    seen["versions"] = client.get_versions("user-value")
    latest = client.get_latest_version("user-value")
    seen["latest"] = [latest.version, latest.schema_id, json.loads(latest.schema.schema_str) == json.loads(V2)]
    seen["lookup"] = client.lookup_schema("user-value", Schema(V1, "AVRO")).version
    seen["unknown id"] = failure(lambda: client.get_schema(4711))
    seen["unknown subject"] = failure(lambda: client.get_versions("nobody"))
    seen["no level"] = failure(lambda: client.get_compatibility("user-value"))
    seen["set level"] = client.set_compatibility("user-value", "NONE")
    seen["level"] = client.get_compatibility("user-value")
    seen["with level none"] = client.register_schema("user-value", Schema(BROKEN, "AVRO"))
    seen["reference"] = client.register_schema(
        "holder-value",
        Schema(
            json.dumps({"type": "record", "name": "Holder", "fields": [{"name": "user", "type": "User"}]}),
            "AVRO",
            [SchemaReference("User", "user-value", 1)],
        ),
    )
    seen["referenced"] = failure(lambda: client.delete_version("user-value", 1))
    seen["deleted"] = client.delete_version("user-value", 3)
    seen["after delete"] = client.get_versions("user-value")
    seen["delete subject"] = client.delete_subject("other-value")
    seen["delete for good"] = client.delete_subject("other-value", permanent=True)
    seen["subjects"] = sorted(client.get_subjects())
    print(json.dumps(seen))


MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}
AVRO = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "amount", "type": MONEY},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "note", "type": ["null", "string"], "default": None},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
        ],
    }
)
JSON_SCHEMA = json.dumps(
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Order",
        "type": "object",
        "properties": {"id": {"type": "integer"}, "price": {"type": "number"}, "note": {"type": "string"}},
    }
)


def produce(url, bootstrap):
    from google.protobuf import timestamp_pb2
    from google.protobuf.message_factory import GetMessageClass
    from protobuf_values import MAIN3, OTHER, compile_protos

    client = SchemaRegistryClient({"url": url})
    pool = compile_protos({"main.proto": MAIN3, "other/place.proto": OTHER})
    event_class = GetMessageClass(pool.FindMessageTypeByName("lab.Event"))
    at = datetime.datetime(2026, 11, 21, 7, 30, 0, 123456, tzinfo=datetime.timezone.utc)
    avro = AvroSerializer(client, AVRO)
    protobuf = ProtobufSerializer(event_class, client, {"use.deprecated.format": False})
    as_json = JSONSerializer(JSON_SCHEMA, client)
    producer = Producer({"bootstrap.servers": bootstrap})
    for index in range(100):
        order = {
            "id": 2**63 - 1 - index,
            "amount": decimal.Decimal(index).scaleb(-4),
            "at": at + datetime.timedelta(microseconds=index),
            "note": None if index % 2 else f"note {index}",
            "tags": ["a", "b"][: index % 3],
        }
        producer.produce("avro", avro(order, SerializationContext("avro", MessageField.VALUE)))
        event = event_class(user_id=-(2**63) + index, big=2**64 - 1 - index, text=f"é{index}", numbers=[index, -index])
        event.at.FromDatetime(at)
        event.counts["k"] = index
        producer.produce("protobuf", protobuf(event, SerializationContext("protobuf", MessageField.VALUE)))
        row = {"id": 2**53 + index, "price": index / 4, "note": "x"}
        producer.produce("json", as_json(row, SerializationContext("json", MessageField.VALUE)))
    producer.flush()
    print(json.dumps({"produced": 100}))


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(sys.argv[2])
    else:
        produce(sys.argv[2], sys.argv[3])
