import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * Prints what Kafka's Java client finds in files of record batches: one line of JSON for each file. Every CRC is checked.
 *
 * A record is [offset, timestamp, key, value, headers]; bytes are base64, and above 512 bytes {bytes, sha256}.
 */
public class DumpLog {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int INLINE_BYTES = 512;

  public static void main(String[] files) throws Exception {
    for (String file : files) {
      MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(Path.of(file))));
      ArrayNode batches = JSON.createArrayNode();
      int position = 0;
      for (RecordBatch batch : records.batches()) {
        batches.add(batch(position, (DefaultRecordBatch) batch));
        position += batch.sizeInBytes();
      }
      if (position != records.sizeInBytes()) throw new IllegalStateException(file + " ends in the middle of a batch");
      System.out.println(JSON.writeValueAsString(batches));
    }
  }

  private static ObjectNode batch(int position, DefaultRecordBatch batch) throws Exception {
    batch.ensureValid();
    ObjectNode node = JSON.createObjectNode();
    node.put("position", position);
    node.put("sizeBytes", batch.sizeInBytes());
    node.put("baseOffset", String.valueOf(batch.baseOffset()));
    node.put("lastOffset", String.valueOf(batch.lastOffset()));
    node.put("partitionLeaderEpoch", batch.partitionLeaderEpoch());
    node.put("magic", batch.magic());
    node.put("crc", batch.checksum());
    node.put("compression", batch.compressionType().name);
    node.put("timestampType", batch.timestampType().name);
    node.put("transactional", batch.isTransactional());
    node.put("control", batch.isControlBatch());
    node.put("deleteHorizonMs", batch.deleteHorizonMs().stream().mapToObj(String::valueOf).findFirst().orElse(null));
    node.put("baseTimestampMs", String.valueOf(batch.baseTimestamp()));
    node.put("maxTimestampMs", String.valueOf(batch.maxTimestamp()));
    node.put("producerId", String.valueOf(batch.producerId()));
    node.put("producerEpoch", batch.producerEpoch());
    node.put("baseSequence", batch.baseSequence());
    node.put("recordCount", batch.countOrNull());
    if (batch.isControlBatch()) node.set("marker", marker(batch.iterator().next()));
    ArrayNode records = node.putArray("records");
    for (Record record : batch) records.add(record(record));
    return node;
  }

  private static ObjectNode marker(Record record) {
    ObjectNode node = JSON.createObjectNode();
    node.put("type", ControlRecordType.parse(record.key()).name());
    node.put("coordinatorEpoch", EndTransactionMarker.deserialize(record).coordinatorEpoch());
    return node;
  }

  private static ArrayNode record(Record record) throws Exception {
    ArrayNode node = JSON.createArrayNode();
    node.add(String.valueOf(record.offset())).add(String.valueOf(record.timestamp()));
    bytes(node, record.key());
    bytes(node, record.value());
    ArrayNode headers = node.addArray();
    for (Header header : record.headers()) {
      ArrayNode pair = headers.addArray().add(header.key());
      bytes(pair, header.value() == null ? null : ByteBuffer.wrap(header.value()));
    }
    return node;
  }

  private static void bytes(ArrayNode parent, ByteBuffer buffer) throws Exception {
    if (buffer == null) {
      parent.addNull();
      return;
    }
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    if (bytes.length <= INLINE_BYTES) parent.add(Base64.getEncoder().encodeToString(bytes));
    else parent.addObject().put("bytes", bytes.length).put("sha256", HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
  }
}
