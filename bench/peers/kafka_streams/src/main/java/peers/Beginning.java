package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/** Tells the benchmark that the first row is here. */
final class Beginning {
  private final Path path;
  private final AtomicBoolean isNoted = new AtomicBoolean();

  Beginning(Path logs) {
    path = logs.resolve("began");
  }

  void note() {
    if (!isNoted.get() && isNoted.compareAndSet(false, true)) {
      try {
        Files.createFile(path);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
