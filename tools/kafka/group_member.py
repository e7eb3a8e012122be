"""A member of a group with librdkafka: reads a topic, commits what it was given, and ends when its standard input does. Prints `assigned 0,1`,
`revoked 1` and `record PARTITION OFFSET VALUE`, one a line.

Arguments: bootstrap server, topic, then settings as NAME=VALUE."""

import sys
import threading

from confluent_kafka import Consumer

settings = {
    "bootstrap.servers": sys.argv[1],
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
}
for argument in sys.argv[3:]:
    name, _, value = argument.partition("=")
    settings[name] = value

ending = threading.Event()


def await_end():
    for _ in sys.stdin:
        pass
    ending.set()


def numbers(partitions):
    return ",".join(str(number) for number in sorted(partition.partition for partition in partitions))


def say(line):
    print(line, flush=True)


threading.Thread(target=await_end, daemon=True).start()
consumer = Consumer(settings)
consumer.subscribe(
    [sys.argv[2]],
    on_assign=lambda _, partitions: say("assigned " + numbers(partitions)),
    on_revoke=lambda _, partitions: say("revoked " + numbers(partitions)),
    on_lost=lambda _, partitions: say("lost " + numbers(partitions)),
)
while not ending.is_set():
    message = consumer.poll(0.1)
    if message is None:
        continue
    if message.error():
        say("error " + str(message.error().name()))
        continue
    say(f"record {message.partition()} {message.offset()} {message.value().decode()}")
    consumer.commit(message=message, asynchronous=False)
consumer.close()
say("closed")
