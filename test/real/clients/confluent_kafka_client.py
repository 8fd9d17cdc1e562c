"""Drives confluent-kafka (librdkafka) against a broker: codecs, idempotence, cooperative rebalances, offsets by time,
transactions that are refused. Prints one JSON object."""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

bootstrap = sys.argv[1]
result = {}
admin = AdminClient({"bootstrap.servers": bootstrap})
for future in admin.create_topics([NewTopic("cf", 4, 1), NewTopic("cf-timed", 1, 1)]).values():
    future.result(10)
for resource, future in admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, "cf")]).items():
    result["retention"] = future.result(10)["retention.ms"].value

failed = []
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 5})
    for i in range(200):
        producer.produce("cf", key=str(i % 11), value=f"{codec}-{i}", on_delivery=lambda error, _: failed.append(str(error)) if error else None)
    producer.flush(30)
result["failed"] = failed

lock = threading.Lock()
seen = {}
owned = {}


def consume(name, stop):
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "cf-group",
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 300,
    })
    consumer.subscribe(["cf"])
    while not stop.is_set():
        message = consumer.poll(0.05)
        with lock:
            if message is not None and not message.error():
                seen.setdefault(message.value().decode(), set()).add((message.partition(), message.offset()))
            owned[name] = [p.partition for p in consumer.assignment()]
    consumer.close()


def wait_for(condition, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        with lock:
            if condition():
                return True
        time.sleep(0.1)
    return False


stops = {name: threading.Event() for name in ["first", "second"]}
threads = {name: threading.Thread(target=consume, args=(name, stops[name])) for name in stops}
threads["first"].start()
result["alone"] = wait_for(lambda: len(owned.get("first", [])) == 4)
threads["second"].start()
result["shared"] = wait_for(lambda: len(owned.get("first", [])) == 2 and len(owned.get("second", [])) == 2)
stops["first"].set()
threads["first"].join()
result["taken_over"] = wait_for(lambda: len(owned.get("second", [])) == 4)
result["all_seen"] = wait_for(lambda: len(seen) == 1000)
result["one_place_each"] = all(len(places) == 1 for places in seen.values())
stops["second"].set()
threads["second"].join()

producer = Producer({"bootstrap.servers": bootstrap})
for t in [1000, 2000, 3000]:
    producer.produce("cf-timed", value=str(t), timestamp=t)
producer.flush(10)
consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "cf-group"})
result["by_time"] = consumer.offsets_for_times([TopicPartition("cf-timed", 0, 1500)], 10)[0].offset
result["watermarks"] = list(consumer.get_watermark_offsets(TopicPartition("cf-timed", 0), 10))
committed = consumer.committed([TopicPartition("cf", p) for p in range(4)], 10)
result["committed_to_the_end"] = all(
    p.offset == consumer.get_watermark_offsets(TopicPartition("cf", p.partition), 10)[1] for p in committed
)
consumer.close()

transactional = Producer({"bootstrap.servers": bootstrap, "transactional.id": "t"})
started = time.time()
try:
    transactional.init_transactions(20)
    result["transactions"] = "accepted"
except KafkaException as error:
    result["transactions"] = "refused at once" if time.time() - started < 10 else f"refused late: {error}"
print(json.dumps(result))
