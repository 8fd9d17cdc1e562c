"""Drives kafka-python against a broker: codecs, groups with rebalances, offsets by time. Prints one JSON object."""

import json
import sys
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

bootstrap = sys.argv[1]
result = {}

admin = KafkaAdminClient(bootstrap_servers=bootstrap)
admin.create_topics([NewTopic("py", 4, 1), NewTopic("py-timed", 1, 1)])

for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, acks="all")
    for i in range(200):
        producer.send("py", key=str(i % 11).encode(), value=f"{codec}-{i}".encode())
    producer.flush()
    producer.close()

stop = threading.Event()
lock = threading.Lock()
seen = {}
owned = {}


def consume(name, until):
    consumer = KafkaConsumer(
        "py",
        bootstrap_servers=bootstrap,
        group_id="py-group",
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
        max_poll_records=20,
    )
    while not until.is_set():
        for partition, records in consumer.poll(timeout_ms=200).items():
            with lock:
                for record in records:
                    seen.setdefault(record.value.decode(), set()).add((partition.partition, record.offset))
        with lock:
            owned[name] = sorted(p.partition for p in consumer.assignment())
        time.sleep(0.05)
    consumer.close()


stop_first = threading.Event()
first = threading.Thread(target=consume, args=("first", stop_first))
second = threading.Thread(target=consume, args=("second", stop))
first.start()
time.sleep(2)
second.start()


def wait_for(condition, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        with lock:
            if condition():
                return True
        time.sleep(0.1)
    return False


result["shared"] = wait_for(lambda: len(owned.get("first", [])) == 2 and len(owned.get("second", [])) == 2)
stop_first.set()
first.join()
result["taken_over"] = wait_for(lambda: len(owned.get("second", [])) == 4)
result["all_seen"] = wait_for(lambda: len(seen) == 1000)
result["one_place_each"] = all(len(places) == 1 for places in seen.values())
stop.set()
second.join()

checker = KafkaConsumer(bootstrap_servers=bootstrap, group_id="py-group", enable_auto_commit=False)
partitions = [TopicPartition("py", p) for p in range(4)]
ends = checker.end_offsets(partitions)
result["committed_to_the_end"] = all(checker.committed(p) == ends[p] for p in partitions)

producer = KafkaProducer(bootstrap_servers=bootstrap)
for t in [1000, 2000, 3000]:
    producer.send("py-timed", value=str(t).encode(), timestamp_ms=t)
producer.flush()
timed = TopicPartition("py-timed", 0)
found = checker.offsets_for_times({timed: 1500})[timed]
result["by_time"] = [found.offset, found.timestamp]
checker.close()
producer.close()
admin.close()
print(json.dumps(result))
