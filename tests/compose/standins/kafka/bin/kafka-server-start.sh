#!/usr/bin/env bash
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}"
export KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=/opt/kafka/config/log4j2.yaml
export KAFKA_GC_OPTS=-Xlog:gc*:file=/opt/kafka/logs/kafkaServer-gc.log:time,tags:filecount=2,filesize=10M
exec "$(dirname "$0")/kafka-run-class.sh" kafka.Kafka "$@"
