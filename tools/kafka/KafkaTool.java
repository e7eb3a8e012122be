import java.util.Arrays;

/** Runs one of the tools that come with Kafka by the name of its class, with the arguments behind it. */
public class KafkaTool {
  public static void main(String[] args) throws Exception {
    Class.forName(args[0]).getMethod("main", String[].class).invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
  }
}
