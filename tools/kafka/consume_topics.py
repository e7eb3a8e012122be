"""Reads partition 0 of each topic to its end with librdkafka, committed records only and CRCs compared, and prints one line of JSON for each
record: {topic, offset, timestampMs, timestampType, key, value, headers}, bytes in base64."""

import base64
import json
import sys
import time

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_CREATE_TIME,
    Consumer,
    KafkaError,
    TopicPartition,
)

TIMEOUT_SECONDS = 60


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def describe(message):
    kind, timestamp = message.timestamp()
    return {
        "topic": message.topic(),
        "offset": str(message.offset()),
        "timestampMs": str(timestamp),
        "timestampType": "CreateTime" if kind == TIMESTAMP_CREATE_TIME else "LogAppendTime",
        "key": encode(message.key()),
        "value": encode(message.value()),
        "headers": [[key, encode(value)] for key, value in message.headers() or []],
    }


consumer = Consumer(
    {
        "bootstrap.servers": sys.argv[1],
        "group.id": "librdkafka",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "check.crcs": True,
        "enable.partition.eof": True,
    }
)
left = set(sys.argv[2:])
consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in left])
deadline = time.monotonic() + TIMEOUT_SECONDS
while left:
    if time.monotonic() > deadline:
        raise RuntimeError(f"{left} were not read in time")
    message = consumer.poll(1)
    if message is None:
        continue
    if message.error() is None:
        print(json.dumps(describe(message)))
    elif message.error().code() == KafkaError._PARTITION_EOF:
        left.discard(message.topic())
    else:
        raise RuntimeError(str(message.error()))
consumer.close()
