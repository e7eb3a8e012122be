// Administers a topic with sarama, seeks in it, and prints what it was told, as test/clients/gateway-administration.test.ts describes.
//
// Usage: administer HOST:PORT TOPIC GROUP START_MS
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func main() {
	address, topic, group := os.Args[1], os.Args[2], os.Args[3]
	start := must(strconv.ParseInt(os.Args[4], 10, 64))
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.RequiredAcks = sarama.WaitForAll
	client := must(sarama.NewClient([]string{address}, config))
	admin := must(sarama.NewClusterAdminFromClient(client))
	told := map[string]any{}

	described := func() []any {
		topics := must(admin.DescribeTopics([]string{topic}))
		entries := must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}}))
		return []any{len(topics[0].Partitions), entries[0].Value}
	}
	// A broker answers before all of it knows what was changed.
	until := func(count int, value string) []any {
		for tries := 0; tries < 100; tries++ {
			if now := described(); now[0] == count && now[1] == value {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		return described()
	}
	retention := "99999999999999"
	check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention}}, false))
	told["created"] = until(3, retention)
	longer := "88888888888888"
	check(admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &longer},
	}, false))
	check(admin.CreatePartitions(topic, 5, nil, false))
	told["altered"] = until(5, longer)

	check(client.RefreshMetadata(topic))
	producer := must(sarama.NewSyncProducerFromClient(client))
	for number := range 5 {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Partition: 1, Value: sarama.StringEncoder(fmt.Sprintf("v%d", number)), Timestamp: time.UnixMilli(start + 1000*int64(number)),
		})
		check(err)
	}

	told["byTime"] = must(client.GetOffset(topic, 1, start+1500))
	consumer := must(sarama.NewConsumerFromClient(client))
	read := func(offset int64) string {
		partition := must(consumer.ConsumePartition(topic, 1, offset))
		message := <-partition.Messages()
		check(partition.Close())
		return string(message.Value)
	}
	told["first"] = read(sarama.OffsetOldest)
	told["sought"] = read(3)
	manager := must(sarama.NewOffsetManagerFromClient(group, client))
	managed := must(manager.ManagePartition(topic, 1))
	managed.MarkOffset(4, "")
	manager.Commit()
	check(managed.Close())
	check(manager.Close())
	offsets := must(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {1}}))
	told["committed"] = [][]int64{{1, offsets.GetBlock(topic, 1).Offset}}
	check(admin.DeleteConsumerGroup(group))
	groups := []string{}
	if _, isThere := must(admin.ListConsumerGroups())[group]; isThere {
		groups = append(groups, group)
	}
	told["groups"] = groups

	check(admin.DeleteRecords(topic, map[int32]int64{1: 2}))
	told["earliest"] = must(client.GetOffset(topic, 1, sarama.OffsetOldest))
	check(admin.DeleteTopic(topic))
	names := func() []string {
		names := []string{}
		for name := range must(admin.ListTopics()) {
			names = append(names, name)
		}
		return names
	}
	for tries := 0; slices.Contains(names(), topic) && tries < 100; tries++ {
		time.Sleep(100 * time.Millisecond)
	}
	told["deleted"] = !slices.Contains(names(), topic)
	check(json.NewEncoder(os.Stdout).Encode(told))
}
