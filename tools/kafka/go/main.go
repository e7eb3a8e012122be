// Writes the jobs on standard input with one of two clients in Go; tools/kafka/writing-job.ts describes them.
//
// Usage: go run . sarama|franz HOST:PORT
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

const linger = 300 * time.Millisecond
const maxBatchBytes = 1_000_000

type header struct {
	key   string
	value []byte
}

type record struct {
	Key         *string      `json:"key"`
	Value       *string      `json:"value"`
	Headers     [][2]*string `json:"headers"`
	TimestampMs int64        `json:"timestampMs"`
}

type job struct {
	Topic       string `json:"topic"`
	Compression string `json:"compression"`
	Batches     []struct {
		Records []record `json:"records"`
	} `json:"batches"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// decode keeps null and empty apart.
func decode(text *string) []byte {
	if text == nil {
		return nil
	}
	bytes, err := base64.StdEncoding.DecodeString(*text)
	check(err)
	if bytes == nil {
		return []byte{}
	}
	return bytes
}

func (r record) headers() []header {
	headers := make([]header, 0, len(r.Headers))
	for _, pair := range r.Headers {
		headers = append(headers, header{*pair[0], decode(pair[1])})
	}
	return headers
}

func writeWithSarama(address string, job job) {
	codecs := map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Compression = codecs[job.Compression]
	config.Producer.Flush.Frequency = linger
	config.Producer.MaxMessageBytes = maxBatchBytes
	producer, err := sarama.NewSyncProducer([]string{address}, config)
	check(err)
	encoder := func(text *string) sarama.Encoder {
		if text == nil {
			return nil
		}
		return sarama.ByteEncoder(decode(text))
	}
	for _, batch := range job.Batches {
		var messages []*sarama.ProducerMessage
		for _, r := range batch.Records {
			message := &sarama.ProducerMessage{
				Topic: job.Topic, Key: encoder(r.Key), Value: encoder(r.Value), Timestamp: time.UnixMilli(r.TimestampMs),
			}
			for _, h := range r.headers() {
				message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(h.key), Value: h.value})
			}
			messages = append(messages, message)
		}
		check(producer.SendMessages(messages))
	}
	check(producer.Close())
}

func writeWithFranz(address string, job job) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(address),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(codecs[job.Compression]),
		kgo.ProducerBatchMaxBytes(maxBatchBytes),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	check(err)
	for _, batch := range job.Batches {
		var records []*kgo.Record
		for _, r := range batch.Records {
			one := &kgo.Record{Topic: job.Topic, Key: decode(r.Key), Value: decode(r.Value), Timestamp: time.UnixMilli(r.TimestampMs)}
			for _, h := range r.headers() {
				one.Headers = append(one.Headers, kgo.RecordHeader{Key: h.key, Value: h.value})
			}
			records = append(records, one)
		}
		check(client.ProduceSync(context.Background(), records...).FirstErr())
	}
	client.Close()
}

func main() {
	var jobs []job
	check(json.NewDecoder(os.Stdin).Decode(&jobs))
	write := map[string]func(string, job){"sarama": writeWithSarama, "franz": writeWithFranz}[os.Args[1]]
	for _, one := range jobs {
		write(os.Args[2], one)
	}
}
