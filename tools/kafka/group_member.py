"""A member of a group with librdkafka: reads a topic, commits what it was given, and ends when its standard input does. Prints `assigned 0,1`,
`revoked 1`, `lost 1`, `record PARTITION OFFSET VALUE`, `refused WHY` for a commit that somebody else has to make now, one a line.

Arguments: bootstrap server, topic, then settings as NAME=VALUE."""

import sys
import threading

from confluent_kafka import Consumer, KafkaError, KafkaException

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


def commit(consumer):
    """Whether it is done: a rebalance that is under way has to end first."""
    try:
        consumer.commit(asynchronous=False)
        return True
    except KafkaException as problem:
        error = problem.args[0]
        if error.code() == KafkaError._NO_OFFSET:
            return True
        waits = error.code() == KafkaError.REBALANCE_IN_PROGRESS or error.retriable()
        say(f"{'waits' if waits else 'refused'} {error.name()}")
        return not waits


threading.Thread(target=await_end, daemon=True).start()
consumer = Consumer(settings)
consumer.subscribe(
    [sys.argv[2]],
    on_assign=lambda _, partitions: say("assigned " + numbers(partitions)),
    on_revoke=lambda _, partitions: say("revoked " + numbers(partitions)),
    on_lost=lambda _, partitions: say("lost " + numbers(partitions)),
)
is_committed = True
while not ending.is_set() or not is_committed:
    message = consumer.poll(0.1)
    if message is None:
        if not is_committed:
            is_committed = commit(consumer)
        continue
    if message.error():
        say("error " + str(message.error().name()))
        continue
    say(f"record {message.partition()} {message.offset()} {message.value().decode()}")
    is_committed = commit(consumer)
consumer.close()
say("closed")
