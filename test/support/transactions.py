"""Sends the lines "key TAB value" of a file in transactions, as a Kafka Streams application would, with librdkafka.

    transactions.py BOOTSTRAP TOPIC FILE LINES_PER_TRANSACTION

Every third transaction is aborted. The last one is left open: once its records are in the log the script prints "open", and
commits when it is sent a line. In the end it prints how many records were committed and how many were aborted.
"""
import sys

from confluent_kafka import Producer

CODECS = ["gzip", "snappy", "lz4", "zstd"]


def main():
    bootstrap, topic, path, size = *sys.argv[1:4], int(sys.argv[4])
    with open(path, "rb") as file:
        lines = file.read().splitlines()
    transactions = [lines[at:at + size] for at in range(0, len(lines), size)]
    producers = [open_producer(bootstrap, codec) for codec in CODECS]
    committed = aborted = 0
    for number, transaction in enumerate(transactions[:-1]):
        producer = producers[number % len(producers)]
        send(producer, topic, transaction)
        if number % 3 == 1:
            producer.flush()  # an abort throws away what has not left yet
            producer.abort_transaction()
            aborted += len(transaction)
        else:
            producer.commit_transaction()
            committed += len(transaction)
    last = producers[0]
    send(last, topic, transactions[-1])
    last.flush()
    print("open", flush=True)
    sys.stdin.readline()
    last.commit_transaction()
    committed += len(transactions[-1])
    print(committed, aborted, flush=True)


def open_producer(bootstrap, codec):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"tx-{codec}", "compression.type": codec,
                         "partitioner": "murmur2_random", "linger.ms": 20, "transaction.timeout.ms": 600_000})
    producer.init_transactions(120)
    return producer


def send(producer, topic, transaction):
    producer.begin_transaction()
    for line in transaction:
        key, value = line.split(b"\t", 1)
        producer.produce(topic, value, key)
        producer.poll(0)


main()
