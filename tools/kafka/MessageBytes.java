import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.Base64;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Kafka's own classes and definitions of its messages.
 *
 * `read` reads lines of "KEY request|response VERSION BASE64" and prints for each what Kafka's class of the message writes after having read it: BASE64, or an error. `definitions NAME…` prints the JSON
 * definitions of messages, a line each, without comments.
 */
public class MessageBytes {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("read")) read();
    else for (int index = 1; index < args.length; index++) define(args[index]);
  }

  private static void read() throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    StringBuilder output = new StringBuilder();
    for (String line; (line = lines.readLine()) != null; ) {
      String[] words = line.split(" ", -1);
      output.append(rewritten(ApiKeys.forId(Short.parseShort(words[0])), words[1], Short.parseShort(words[2]), words[3])).append('\n');
    }
    System.out.print(output);
  }

  private static String rewritten(ApiKeys api, String direction, short version, String base64) {
    try {
      Message message = direction.equals("request") ? api.messageType.newRequest() : api.messageType.newResponse();
      ByteBuffer given = ByteBuffer.wrap(Base64.getDecoder().decode(base64));
      message.read(new ByteBufferAccessor(given), version);
      if (given.hasRemaining()) return "error: " + given.remaining() + " bytes are left";
      ObjectSerializationCache cache = new ObjectSerializationCache();
      ByteBuffer written = ByteBuffer.allocate(message.size(cache, version));
      message.write(new ByteBufferAccessor(written), cache, version);
      return Base64.getEncoder().encodeToString(written.array());
    } catch (Exception error) {
      return "error: " + error;
    }
  }

  private static void define(String name) throws Exception {
    StringBuilder text = new StringBuilder();
    try (InputStream input = MessageBytes.class.getClassLoader().getResourceAsStream("common/message/" + name + ".json")) {
      for (String line : new String(input.readAllBytes()).split("\n")) {
        if (!line.strip().startsWith("//")) text.append(line.strip()).append(' ');
      }
    }
    ObjectMapper json = new ObjectMapper();
    System.out.println(json.writeValueAsString(json.readTree(text.toString())));
  }
}
