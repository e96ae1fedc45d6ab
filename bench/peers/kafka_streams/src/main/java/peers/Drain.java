package peers;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Writes what the join put into its topic to the CSV; of transactions, what they committed. */
final class Drain {
  private final String topic;
  private final Path csv;
  private final Map<String, Object> given;

  Drain(String kafka, String topic, Path csv) {
    this.topic = topic;
    this.csv = csv;
    given =
        Map.of(
            "bootstrap.servers", kafka,
            "group.id", topic + "-log",
            "auto.offset.reset", "earliest",
            "isolation.level", "read_committed",
            "enable.auto.commit", false);
  }

  void run() throws IOException {
    try (var consumer = new KafkaConsumer<>(given, new StringDeserializer(), new StringDeserializer());
        BufferedWriter log = Files.newBufferedWriter(csv)) {
      log.write("id,y_true,y_pred,absolute_error\n");
      consumer.subscribe(List.of(topic));
      while (true) {
        var records = consumer.poll(Duration.ofSeconds(1));
        for (ConsumerRecord<String, String> record : records) {
          log.write(record.value());
          log.write('\n');
        }
        if (!records.isEmpty()) {
          log.flush();
          consumer.commitAsync();
        }
      }
    }
  }
}
