package peers;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * The join in Kafka Streams: KStream-KStream by id within an hour, into a topic, which a consumer drains into the CSV.
 *
 * <p>An inner join, the cheapest of them: an id whose other side never comes gets no answer. The one argument is the
 * processing guarantee, at_least_once or exactly_once_v2.
 */
public final class Join {
  private static final Duration WINDOW = Duration.ofHours(1);
  private static final Duration LATENESS = Duration.ofMinutes(1);
  private static final String THREADS = "2";

  /** What both sides have. */
  interface Row {
    double ts();
  }

  /** The truth of one id. */
  record TrueRow(String id, double ts, @JsonProperty("y_true") double yTrue) implements Row {}

  /** The prediction of one id. */
  record PredRow(String id, double ts, @JsonProperty("y_pred") double yPred) implements Row {}

  /** Time is when the row happened, as the row says. */
  public static final class RowTime implements TimestampExtractor {
    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
      return (long) (((Row) record.value()).ts() * 1000);
    }
  }

  private Join() {}

  public static void main(String[] args) throws IOException {
    String app = System.getenv("PEER_APP");
    String kafka = System.getenv("PEER_KAFKA");
    Path logs = Path.of(System.getenv("PEER_LOGS_DIR"));
    KafkaStreams streams = new KafkaStreams(topology(app, new Beginning(logs)), properties(app, kafka, args[0]));
    Drain drain = new Drain(kafka, app + "-metric", logs.resolve("metric_log.csv"));
    streams.setUncaughtExceptionHandler(Join::end);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    drain.run();
  }

  private static StreamThreadExceptionResponse end(Throwable cause) {
    cause.printStackTrace();
    Runtime.getRuntime().halt(1);
    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
  }

  private static Properties properties(String app, String kafka, String guarantee) {
    Properties given = new Properties();
    given.put(StreamsConfig.APPLICATION_ID_CONFIG, app);
    given.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, kafka);
    given.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("PEER_STATE_DIR"));
    given.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
    given.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
    given.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, RowTime.class);
    given.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    return given;
  }

  private static Topology topology(String app, Beginning beginning) {
    Serde<TrueRow> trueRow = new Json<>(TrueRow.class);
    Serde<PredRow> predRow = new Json<>(PredRow.class);
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, TrueRow> truths = builder.stream(app + "-y_true", Consumed.with(Serdes.String(), trueRow));
    KStream<String, PredRow> predictions = builder.stream(app + "-y_pred", Consumed.with(Serdes.String(), predRow));
    truths
        .peek((id, row) -> beginning.note())
        .join(
            predictions,
            Join::line,
            JoinWindows.ofTimeDifferenceAndGrace(WINDOW, LATENESS),
            StreamJoined.with(Serdes.String(), trueRow, predRow))
        .to(app + "-metric", Produced.with(Serdes.String(), Serdes.String()));
    return builder.build();
  }

  private static String line(TrueRow truth, PredRow prediction) {
    double error = Math.abs(truth.yTrue() - prediction.yPred());
    return truth.id() + "," + truth.yTrue() + "," + prediction.yPred() + "," + error;
  }
}
