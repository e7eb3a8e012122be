// A member of a group with one of two clients in Go: reads a topic, commits what it was given, and ends when its standard input does. Prints `assigned 0,1`, `revoked 1`, `lost 1` and
// `record PARTITION OFFSET VALUE`, one a line.
//
// Usage: member sarama|franz HOST:PORT,… TOPIC GROUP
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

const session = 6 * time.Second
const heartbeat = 500 * time.Millisecond

var output sync.Mutex

func say(format string, values ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", values...)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func numbers(partitions []int32) string {
	sorted := slices.Sorted(slices.Values(partitions))
	texts := make([]string, len(sorted))
	for place, partition := range sorted {
		texts[place] = strconv.Itoa(int(partition))
	}
	return strings.Join(texts, ",")
}

func franz(ctx context.Context, brokers []string, topic string, group string) {
	told := func(what string) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			say("%s %s", what, numbers(partitions[topic]))
		}
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(session), kgo.HeartbeatInterval(heartbeat),
		kgo.OnPartitionsAssigned(told("assigned")), kgo.OnPartitionsRevoked(told("revoked")), kgo.OnPartitionsLost(told("lost")),
	)
	check(err)
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(_ string, _ int32, err error) { fmt.Fprintln(os.Stderr, err) })
		fetches.EachRecord(func(record *kgo.Record) { say("record %d %d %s", record.Partition, record.Offset, record.Value) })
		if fetches.NumRecords() > 0 {
			if err := client.CommitRecords(context.Background(), fetches.Records()...); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		client.AllowRebalance()
	}
	client.Close()
}

type handler struct{ topic string }

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	say("assigned %s", numbers(session.Claims()[h.topic]))
	return nil
}

func (h handler) Cleanup(session sarama.ConsumerGroupSession) error {
	say("revoked %s", numbers(session.Claims()[h.topic]))
	return nil
}

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			say("record %d %d %s", message.Partition, message.Offset, message.Value)
			session.MarkMessage(message, "")
			session.Commit()
		case <-session.Context().Done():
			return nil
		}
	}
}

func withSarama(ctx context.Context, brokers []string, topic string, group string) {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = session
	config.Consumer.Group.Heartbeat.Interval = heartbeat
	client, err := sarama.NewConsumerGroup(brokers, group, config)
	check(err)
	for ctx.Err() == nil {
		if err := client.Consume(ctx, []string{topic}, handler{topic}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(100 * time.Millisecond)
		}
	}
	check(client.Close())
}

func main() {
	ctx, end := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	run := franz
	if os.Args[1] == "sarama" {
		run = withSarama
	}
	run(ctx, strings.Split(os.Args[2], ","), os.Args[3], os.Args[4])
	say("closed")
}
