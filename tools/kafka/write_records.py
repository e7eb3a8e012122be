"""Writes the jobs on standard input with librdkafka; tools/kafka/writing-job.ts describes them."""

import base64
import json
import sys

from confluent_kafka import Producer


def decode(text):
    return None if text is None else base64.b64decode(text)


def write(bootstrap, job):
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    settings = {
        "bootstrap.servers": bootstrap,
        # A batch ends only at a flush.
        "linger.ms": 20000,
        "message.timeout.ms": 30000,
        "batch.size": 1048576,
        "message.max.bytes": 4194304,
        "acks": "all",
        "enable.idempotence": job["idempotent"],
        "compression.codec": job["compression"],
        "on_delivery": delivered,
    }
    transactional_id = job.get("transactionalId")
    if transactional_id is not None:
        settings["transactional.id"] = transactional_id
    producer = Producer(settings)
    if transactional_id is not None:
        producer.init_transactions(30)
    for batch in job["batches"]:
        if transactional_id is not None:
            producer.begin_transaction()
        for record in batch["records"]:
            producer.produce(
                job["topic"],
                partition=0,
                key=decode(record["key"]),
                value=decode(record["value"]),
                timestamp=record["timestampMs"],
                headers=[(key, decode(value)) for key, value in record["headers"]],
            )
        if producer.flush(30) != 0:
            raise RuntimeError("records were not delivered in time")
        if failures:
            raise RuntimeError("; ".join(failures))
        if transactional_id is not None:
            if batch["abort"]:
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)


for one in json.load(sys.stdin):
    write(sys.argv[1], one)
