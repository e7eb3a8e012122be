import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads partition 0 of each topic to its end with Kafka's Java client, committed records only, and prints one line of JSON for each record:
 * {topic, offset, timestampMs, timestampType, key, value, headers}, bytes in base64.
 */
public class ConsumeTopics {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration POLL = Duration.ofMillis(200);
  private static final long TIMEOUT_NANOS = Duration.ofSeconds(60).toNanos();

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("isolation.level", "read_committed");
    settings.put("check.crcs", "true");
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      for (int index = 1; index < args.length; index++) consume(consumer, new TopicPartition(args[index], 0));
    }
  }

  private static void consume(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition) throws Exception {
    consumer.assign(List.of(partition));
    consumer.seekToBeginning(List.of(partition));
    long end = consumer.endOffsets(List.of(partition)).get(partition);
    long start = System.nanoTime();
    while (consumer.position(partition) < end) {
      if (System.nanoTime() - start > TIMEOUT_NANOS) throw new IllegalStateException(partition + " was not read in time");
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) System.out.println(JSON.writeValueAsString(json(record)));
    }
  }

  private static ObjectNode json(ConsumerRecord<byte[], byte[]> record) {
    ObjectNode node = JSON.createObjectNode();
    node.put("topic", record.topic()).put("offset", String.valueOf(record.offset()));
    node.put("timestampMs", String.valueOf(record.timestamp())).put("timestampType", record.timestampType().name);
    node.put("key", base64(record.key())).put("value", base64(record.value()));
    ArrayNode headers = node.putArray("headers");
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(base64(header.value()));
    return node;
  }

  private static String base64(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }
}
