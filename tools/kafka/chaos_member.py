"""A member of a group of a chaos test with librdkafka, which tells what it is given and what it has committed, one event a line with its time (`test/history/check-group-history.ts`):

`<ms> given <partition> <offset>`, `<ms> committed <partition> <offset>`, `<ms> assigned|revoked|lost <partitions>`. Ends in order at SIGTERM.

Arguments: bootstrap servers, topic, group, name."""

import signal
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException

bootstrap, topic, group, name = sys.argv[1:5]
COMMIT_EVERY = 9
NOT_NOW = (
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._WAIT_COORD,
)
is_over = False


def end(_number, _frame):
    global is_over
    is_over = True


def tell(what):
    print(f"{time.time() * 1000:.3f} {what}", flush=True)


def numbers(partitions):
    return ",".join(str(number) for number in sorted(partition.partition for partition in partitions))


def commit():
    """Says what is committed, and whether all is; a rebalance or a gateway that goes has to end first, then the next one commits."""
    try:
        done = consumer.commit(asynchronous=False)
    except KafkaException as problem:
        error = problem.args[0]
        if error.code() == KafkaError._NO_OFFSET:
            return True
        # A rebalance was ended, or the group has moved, while the commit was on its way: by Kafka's brokers too. That it is unknown is no such answer: whoever is heard stays in its group.
        if error.retriable() or error.code() in NOT_NOW:
            return False
        raise
    for one in done:
        if one.error is None and one.offset >= 0:
            tell(f"committed {one.partition} {one.offset}")
    return all(one.error is None for one in done)


def revoked(_consumer, partitions):
    commit()
    tell("revoked " + numbers(partitions))


signal.signal(signal.SIGTERM, end)
consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "client.id": name,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 45000,
        "heartbeat.interval.ms": 500,
        "reconnect.backoff.max.ms": 500,
        "log_level": 0,
    }
)
consumer.subscribe(
    [topic],
    on_assign=lambda _, partitions: partitions and tell("assigned " + numbers(partitions)),
    on_revoke=revoked,
    on_lost=lambda _, partitions: tell("lost " + numbers(partitions)),
)
count = 0
while not is_over:
    message = consumer.poll(0.1)
    if message is None and count > 0:
        count = 0 if commit() else count
    if message is None or message.error():
        continue
    tell(f"given {message.partition()} {message.offset()}")
    count += 1
    if count >= COMMIT_EVERY and commit():
        count = 0
commit()
consumer.close()
