/* Bare consumption with RabbitMQ's C client: reads and acknowledges every 100 messages, nothing else.
 *
 * `drain HOST PORT N QUEUE...` takes N messages of some queues; says when it waits, and prints JSON as
 * `bench/peers/drained.py` does: everything after the first tenth of the messages is timed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <amqp.h>
#include <amqp_tcp_socket.h>

enum { PREFETCH = 2000, ACK_EVERY = 100, CHANNEL = 1, FRAME_MAX = 131072 };

struct moment {
  double at, cpu_s;
};

static void fail(const char *what) {
  fprintf(stderr, "drain: %s failed\n", what);
  exit(1);
}

static void check(amqp_rpc_reply_t reply, const char *what) {
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec * 1e-6; }

static struct moment now(void) {
  struct timeval clock;
  struct rusage used;
  gettimeofday(&clock, NULL);
  getrusage(RUSAGE_SELF, &used);
  return (struct moment){seconds(clock), seconds(used.ru_utime) + seconds(used.ru_stime)};
}

/* The largest resident memory of this program; what getrusage says includes its parent's, before exec. */
static double peak_mb(void) {
  char line[256];
  double kb = 0;
  FILE *status = fopen("/proc/self/status", "r");
  if (!status) fail("reading /proc/self/status");
  while (fgets(line, sizeof line, status) && sscanf(line, "VmHWM: %lf", &kb) != 1) continue;
  fclose(status);
  return kb / 1024;
}

static amqp_connection_state_t connected(const char *host, int port) {
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  if (!socket || amqp_socket_open(socket, host, port)) fail("connecting");
  check(amqp_login(connection, "/", 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
  amqp_channel_open(connection, CHANNEL);
  check(amqp_get_rpc_reply(connection), "opening a channel");
  amqp_basic_qos(connection, CHANNEL, 0, PREFETCH, 0);
  check(amqp_get_rpc_reply(connection), "setting the prefetch");
  return connection;
}

/* Takes the next message; returns its delivery tag. */
static uint64_t taken(amqp_connection_state_t connection) {
  amqp_envelope_t envelope;
  amqp_maybe_release_buffers(connection);
  check(amqp_consume_message(connection, &envelope, NULL, 0), "reading");
  uint64_t tag = envelope.delivery_tag;
  amqp_destroy_envelope(&envelope);
  return tag;
}

int main(int argc, char **argv) {
  if (argc < 5) fail("usage: drain HOST PORT N QUEUE...; reading the command line");
  uint64_t n_messages = strtoull(argv[3], NULL, 10), warm_at = n_messages / 10, tag;
  amqp_connection_state_t connection = connected(argv[1], atoi(argv[2]));
  for (int i = 4; i < argc; i++) {
    amqp_bytes_t queue = amqp_cstring_bytes(argv[i]);
    amqp_basic_consume(connection, CHANNEL, queue, amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(connection), "consuming");
  }
  puts("Waiting for messages");
  fflush(stdout);
  struct moment began = now();
  do {
    tag = taken(connection);
    if (tag % ACK_EVERY == 0 || tag == n_messages) amqp_basic_ack(connection, CHANNEL, tag, 1);
    if (tag == warm_at) began = now();
  } while (tag < n_messages);
  struct moment ended = now();
  printf("{\"began\": %.6f, \"ended\": %.6f, \"n\": %llu, \"cpu_s\": %.6f, \"peak_mb\": %.1f}\n", began.at, ended.at,
         (unsigned long long)(n_messages - warm_at), ended.cpu_s - began.cpu_s, peak_mb());
  check(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "closing");
  amqp_destroy_connection(connection);
  return 0;
}
