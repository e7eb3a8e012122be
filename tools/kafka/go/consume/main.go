// Reads partition 0 of topics from the beginning with one of two clients in Go, until it has so many records, and prints each as a line of JSON; test/clients/consumers.ts describes them.
//
// Usage: consume sarama|franz HOST:PORT COUNT TOPIC…
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

const limit = 30 * time.Second

type line struct {
	Topic         string       `json:"topic"`
	Offset        string       `json:"offset"`
	TimestampMs   string       `json:"timestampMs"`
	TimestampType string       `json:"timestampType,omitempty"`
	Key           *string      `json:"key"`
	Value         *string      `json:"value"`
	Headers       [][2]*string `json:"headers"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// encode keeps null and empty apart.
func encode(bytes []byte) *string {
	if bytes == nil {
		return nil
	}
	text := base64.StdEncoding.EncodeToString(bytes)
	return &text
}

func number(value int64) string { return strconv.FormatInt(value, 10) }

func franz(ctx context.Context, address string, topics []string, lines chan<- line) {
	start := map[string]map[int32]kgo.Offset{}
	for _, topic := range topics {
		start[topic] = map[int32]kgo.Offset{0: kgo.NewOffset().AtStart()}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumePartitions(start))
	check(err)
	types := map[int8]string{0: "CreateTime", 1: "LogAppendTime"}
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			one := line{
				Topic: r.Topic, Offset: number(r.Offset), TimestampMs: number(r.Timestamp.UnixMilli()),
				TimestampType: types[r.Attrs.TimestampType()], Key: encode(r.Key), Value: encode(r.Value), Headers: [][2]*string{},
			}
			for _, header := range r.Headers {
				name := header.Key
				one.Headers = append(one.Headers, [2]*string{&name, encode(header.Value)})
			}
			lines <- one
		})
	}
}

func withSarama(ctx context.Context, address string, topics []string, lines chan<- line) {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	consumer, err := sarama.NewConsumer([]string{address}, config)
	check(err)
	for _, topic := range topics {
		partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
		check(err)
		go func() {
			for r := range partition.Messages() {
				one := line{
					Topic: r.Topic, Offset: number(r.Offset), TimestampMs: number(r.Timestamp.UnixMilli()),
					Key: encode(r.Key), Value: encode(r.Value), Headers: [][2]*string{},
				}
				for _, header := range r.Headers {
					name := string(header.Key)
					one.Headers = append(one.Headers, [2]*string{&name, encode(header.Value)})
				}
				lines <- one
			}
		}()
	}
	<-ctx.Done()
}

func main() {
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	run := franz
	if os.Args[1] == "sarama" {
		run = withSarama
	}
	lines := make(chan line)
	go run(ctx, os.Args[2], os.Args[4:], lines)
	output := json.NewEncoder(os.Stdout)
	for ; count > 0; count-- {
		select {
		case one := <-lines:
			check(output.Encode(one))
		case <-ctx.Done():
			return
		}
	}
}
