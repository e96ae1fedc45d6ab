#!/bin/sh
# The smallest rights on Kafka for the two users `hindsight-bridge` and `hindsight-worker`, once the topics are there.
#
#   sh docs/permissions/kafka.sh --bootstrap-server HOST:PORT --command-config ADMIN.PROPERTIES
#
# NAMESPACE is what HINDSIGHT_NAMESPACE is. Each line is one call of Kafka's own `kafka-acls.sh`, which must be in PATH
# (KAFKA_ACLS names it where it goes by another name). Users are those of SASL, or of a client's certificate.
set -eu
ns="${NAMESPACE:-}"
acls="${KAFKA_ACLS:-kafka-acls.sh}"
log="${ns}hindsight-pairs-changelog"

allow() { # USER OPERATIONS TOPICS
    user="$1" operations="" topics=""
    for operation in $2; do operations="$operations --operation $operation"; done
    for topic in $3; do topics="$topics --topic $topic"; done
    # shellcheck disable=SC2086  # words of an option each
    $acls $connect --add --allow-principal "User:$user" $operations $topics
}

connect="$*"
every="${ns}features ${ns}y_true ${ns}y_pred ${ns}metric ${ns}quarantine $log ${ns}quarantine-resolved"

# The bridge writes what the queues hold; it looks whether all topics are as they must be.
allow hindsight-bridge "Write" "${ns}features ${ns}y_true ${ns}y_pred ${ns}quarantine"
allow hindsight-bridge "Describe" "$every"

# The worker reads rows and its own verdicts, and writes predictions, decisions, verdicts and what it cannot read. Its pages show
# quarantine; without the right to read its two topics, only that page is empty.
allow hindsight-worker "Read" "${ns}features ${ns}y_true ${ns}y_pred ${ns}metric $log ${ns}quarantine ${ns}quarantine-resolved"
allow hindsight-worker "Write" "${ns}y_pred ${ns}metric ${ns}quarantine $log"
allow hindsight-worker "Describe" "$every"
# shellcheck disable=SC2086
$acls $connect --add --allow-principal "User:hindsight-worker" --operation Read --operation Describe --group "${ns}hindsight"
