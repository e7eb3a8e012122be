import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Machine;

/** Reads lines of {"pattern": …, "event": …} and prints for each what EventBridge's own rule engine says: true, false, or invalid. */
public class MatchPatterns {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode both = JSON.readTree(line);
      System.out.println(verdict(both.get("pattern").toString(), both.get("event").toString()));
    }
  }

  private static String verdict(String pattern, String event) {
    try {
      if (JsonRuleCompiler.check(pattern) != null) return "invalid";
      Machine machine = new Machine();
      machine.addRule("rule", pattern);
      return String.valueOf(!machine.rulesForJSONEvent(event).isEmpty());
    } catch (Exception | StackOverflowError problem) {
      return "invalid";
    }
  }
}
