"""Administers a topic with librdkafka, seeks in it, and prints what it was told, as test/clients/gateway-administration.test.ts describes.

Usage: administer.py HOST:PORT TOPIC GROUP START_MS
"""
import json
import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

address, topic, group, start = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
admin = AdminClient({'bootstrap.servers': address})


def done(futures):
    return [future.result(30) for future in futures.values()]


def setting():
    described = done(admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))[0]
    return described['retention.ms'].value


def partition_count():
    return len(admin.list_topics(topic, timeout=30).topics[topic].partitions)


# A broker answers before all of it knows what was changed.
def until(count, value):
    for _ in range(100):
        if [partition_count(), setting()] == [count, value]:
            break
        time.sleep(0.1)
    return [partition_count(), setting()]


def earliest():
    return done(admin.list_offsets({TopicPartition(topic, 1): OffsetSpec.earliest()}))[0].offset


told = {}
done(admin.create_topics([NewTopic(topic, 3, 1, config={'retention.ms': '99999999999999'})]))
told['created'] = until(3, '99999999999999')
entry = ConfigEntry('retention.ms', '88888888888888', incremental_operation=AlterConfigOpType.SET)
done(admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]))
done(admin.create_partitions([NewPartitions(topic, 5)]))
told['altered'] = until(5, '88888888888888')

producer = Producer({'bootstrap.servers': address, 'enable.idempotence': True})
for number in range(5):
    producer.produce(topic, value=f'v{number}', partition=1, timestamp=start + 1000 * number)
    producer.flush(30)

consumer = Consumer({'bootstrap.servers': address, 'group.id': group, 'enable.auto.commit': False})
told['byTime'] = consumer.offsets_for_times([TopicPartition(topic, 1, start + 1500)], timeout=30)[0].offset
consumer.assign([TopicPartition(topic, 1, 0)])
told['first'] = consumer.poll(30).value().decode()
consumer.seek(TopicPartition(topic, 1, 3))
told['sought'] = consumer.poll(30).value().decode()
consumer.commit(offsets=[TopicPartition(topic, 1, 4)], asynchronous=False)
consumer.close()
offsets = done(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))[0].topic_partitions
told['committed'] = [[one.partition, one.offset] for one in offsets]
done(admin.delete_consumer_groups([group]))
told['groups'] = [one.group_id for one in admin.list_consumer_groups().result(30).valid if one.group_id == group]

done(admin.delete_records([TopicPartition(topic, 1, 2)]))
told['earliest'] = earliest()
done(admin.delete_topics([topic]))
for _ in range(100):
    if topic not in admin.list_topics(timeout=30).topics:
        break
    time.sleep(0.1)
told['deleted'] = topic not in admin.list_topics(timeout=30).topics
print(json.dumps(told))
