import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.Scanner;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a group with Kafka's Java client: reads a topic, commits what it was given, and ends when its standard input does. Prints `assigned 0,1`, `revoked 1`,
 * `lost 1`, `record PARTITION OFFSET VALUE`, `refused WHY` for a commit that somebody else has to make now, one a line.
 *
 * Arguments: bootstrap server, topic, then settings as NAME=VALUE; `subscription.pattern=REGEX` is what it reads instead of the topic.
 */
public class GroupMember {
  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", "false");
    for (int index = 2; index < args.length; index++) {
      int mark = args[index].indexOf('=');
      settings.put(args[index].substring(0, mark), args[index].substring(mark + 1));
    }
    String pattern = (String) settings.remove("subscription.pattern");
    AtomicBoolean isEnding = new AtomicBoolean();
    Thread input = new Thread(() -> {
      Scanner scanner = new Scanner(System.in);
      while (scanner.hasNextLine()) scanner.nextLine();
      isEnding.set(true);
    });
    input.setDaemon(true);
    input.start();
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      if (pattern == null) consumer.subscribe(List.of(args[1]), new Listener());
      else consumer.subscribe(new SubscriptionPattern(pattern), new Listener());
      boolean isCommitted = true;
      while (!isEnding.get() || !isCommitted) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
        for (ConsumerRecord<String, String> record : records) print("record " + record.partition() + " " + record.offset() + " " + record.value());
        if (!records.isEmpty() || !isCommitted) isCommitted = commit(consumer);
      }
    }
    print("closed");
  }

  /** By the cooperative protocol records come while a rebalance is under way, and nothing can be committed then: the client says to poll on, and to commit again. */
  private static boolean commit(KafkaConsumer<String, String> consumer) {
    try {
      consumer.commitSync();
      return true;
    } catch (RebalanceInProgressException wait) {
      print("waits " + wait.getMessage());
      return false;
    } catch (CommitFailedException refused) {
      print("refused " + refused.getMessage());
      return true;
    }
  }

  private static synchronized void print(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static final class Listener implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      print("assigned " + numbers(partitions));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      print("revoked " + numbers(partitions));
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
      print("lost " + numbers(partitions));
    }

    private static String numbers(Collection<TopicPartition> partitions) {
      TreeSet<Integer> sorted = new TreeSet<>();
      for (TopicPartition partition : partitions) sorted.add(partition.partition());
      StringBuilder text = new StringBuilder();
      for (int number : sorted) text.append(text.length() == 0 ? "" : ",").append(number);
      return text.toString();
    }
  }
}
