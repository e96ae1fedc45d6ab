#!/usr/bin/env bash
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} $KAFKA_GC_OPTS $KAFKA_LOG4J_OPTS -cp '/opt/kafka/libs/*' "$@"
