"""A producer of a chaos test with librdkafka: idempotent, five requests under way. Prints what a judge of histories reads (`test/history/log-event.ts`), one event a line. Ends in order at SIGTERM, when it has
been told of everything.

Arguments: bootstrap servers, topic, number of partitions, name."""

import json
import random
import signal
import sys

from confluent_kafka import Producer

bootstrap, topic, partitions, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
PADDING = " " + "x" * 2000
is_over = False


def end(_number, _frame):
    global is_over
    is_over = True


def tell(kind, partition, value, **more):
    print(json.dumps({"kind": kind, "client": name, "partition": partition, "value": value, **more}), flush=True)


def delivered(partition, value):
    def told(error, message):
        # What was given up may be there: nobody was told.
        if error is not None:
            tell("unknown", partition, value)
        else:
            tell("acked", partition, value, offset=message.offset())

    return told


signal.signal(signal.SIGTERM, end)
producer = Producer(
    {
        "bootstrap.servers": bootstrap,
        "client.id": name,
        "enable.idempotence": True,
        "linger.ms": 5,
        "socket.timeout.ms": 5000,
        "reconnect.backoff.max.ms": 500,
        # What it says of gateways that are gone is no complaint.
        "log_level": 0,
    }
)
number = 0
while not is_over:
    for _ in range(random.randint(1, 8)):
        partition, value = random.randrange(partitions), f"{name}-{number}"
        tell("sent", partition, value)
        # Some travel inline, some in segments.
        producer.produce(topic, value + (PADDING if number % 3 == 0 else " "), partition=partition, on_delivery=delivered(partition, value))
        number += 1
    producer.poll(0.025)
while producer.flush(1) > 0:
    pass
