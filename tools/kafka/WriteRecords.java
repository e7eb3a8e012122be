import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Base64;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes the jobs on standard input with Kafka's Java client; tools/kafka/writing-job.ts describes them. */
public class WriteRecords {
  public static void main(String[] args) throws Exception {
    JsonNode jobs = new ObjectMapper().readTree(System.in);
    for (JsonNode job : jobs) write(args[0], job);
  }

  private static void write(String bootstrap, JsonNode job) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    // A batch ends only at a flush.
    settings.put("linger.ms", "60000");
    settings.put("batch.size", "1048576");
    settings.put("max.request.size", "4194304");
    settings.put("acks", "all");
    settings.put("enable.idempotence", job.get("idempotent").asBoolean());
    settings.put("compression.type", job.get("compression").asText());
    boolean transactional = job.hasNonNull("transactionalId");
    if (transactional) settings.put("transactional.id", job.get("transactionalId").asText());
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      if (transactional) producer.initTransactions();
      for (JsonNode batch : job.get("batches")) {
        if (transactional) producer.beginTransaction();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : batch.get("records")) sent.add(producer.send(record(job.get("topic").asText(), record)));
        producer.flush();
        for (Future<RecordMetadata> one : sent) one.get();
        if (!transactional) continue;
        if (batch.get("abort").asBoolean()) producer.abortTransaction();
        else producer.commitTransaction();
      }
    }
  }

  private static ProducerRecord<byte[], byte[]> record(String topic, JsonNode node) {
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, 0, node.get("timestampMs").asLong(), bytes(node.get("key")), bytes(node.get("value")));
    for (JsonNode header : node.get("headers")) record.headers().add(header.get(0).asText(), bytes(header.get(1)));
    return record;
  }

  private static byte[] bytes(JsonNode node) {
    return node.isNull() ? null : Base64.getDecoder().decode(node.asText());
  }
}
