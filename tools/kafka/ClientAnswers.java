import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.internals.AbstractPartitionAssignor;
import org.apache.kafka.clients.consumer.internals.AbstractStickyAssignor;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;

/**
 * What Kafka's Java client answers, a line each for a line of input:
 *
 * key HEX                                 -> hash and the partition of 1, 3, 16 and 1000
 * topic NAME PARTITIONS                   -> (adds to the case)
 * member ID INSTANCE|- TOPICS OWNED       -> (adds to the case; TOPICS a,b; OWNED a:0,b:3 or -)
 * assign range|roundrobin|sticky          -> ID=a:0,a:1 ID=… and forgets the case
 */
public class ClientAnswers {
  /** The algorithm of both sticky assignors, before the cooperative one holds back what still has to be let go of. */
  static class Sticky extends AbstractStickyAssignor {
    @Override
    protected MemberData memberData(Subscription subscription) {
      return new MemberData(subscription.ownedPartitions(), subscription.generationId(), subscription.rackId());
    }

    @Override
    public String name() {
      return "sticky";
    }
  }

  public static void main(String[] args) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var counts = new HashMap<String, Integer>();
    var members = new TreeMap<String, Subscription>();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "key" -> System.out.println(partitions(HexFormat.of().parseHex(words[1])));
        case "topic" -> counts.put(words[1], Integer.parseInt(words[2]));
        case "member" -> members.put(words[1], subscription(words));
        case "assign" -> {
          System.out.println(assign(words[1], counts, members));
          counts.clear();
          members.clear();
        }
        default -> throw new IllegalArgumentException(line);
      }
    }
  }

  static String partitions(byte[] key) {
    var line = new StringBuilder().append(Utils.murmur2(key));
    for (int count : new int[] {1, 3, 16, 1000}) line.append(' ').append(BuiltInPartitioner.partitionForKey(key, count));
    return line.toString();
  }

  static Subscription subscription(String[] words) {
    var topics = words[3].isEmpty() ? List.<String>of() : List.of(words[3].split(","));
    var owned = new ArrayList<TopicPartition>();
    if (!words[4].equals("-")) for (String one : words[4].split(",")) owned.add(partition(one));
    var subscription = new Subscription(topics, null, owned, 1, Optional.empty());
    if (!words[2].equals("-")) subscription.setGroupInstanceId(Optional.of(words[2]));
    return subscription;
  }

  static TopicPartition partition(String text) {
    String[] parts = text.split(":");
    return new TopicPartition(parts[0], Integer.parseInt(parts[1]));
  }

  static String assign(String name, Map<String, Integer> counts, Map<String, Subscription> members) {
    AbstractPartitionAssignor assignor = switch (name) {
      case "range" -> new RangeAssignor();
      case "roundrobin" -> new RoundRobinAssignor();
      default -> new Sticky();
    };
    var line = new StringJoiner(" ");
    new TreeMap<>(assignor.assign(new HashMap<>(counts), new HashMap<>(members))).forEach((id, partitions) -> {
      var list = new StringJoiner(",");
      partitions.stream()
          .sorted(Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition))
          .forEach(one -> list.add(one.topic() + ":" + one.partition()));
      line.add(id + "=" + list);
    });
    return line.toString();
  }
}
