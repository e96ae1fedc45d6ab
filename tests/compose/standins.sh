#!/usr/bin/env bash
# Stand-ins of the base images, for a Debian 12 machine whose Docker engine reaches no image registry. They are made
# of Debian's and Maven's packages, laid out as the official images are: names, users, directories, entry points.
# What they cannot show: that the official images can be pulled, and their own versions of Python and RabbitMQ.
# Usage: standins.sh DIR JARS (as root, with a Docker engine, mmdebstrap, and Kafka's jars in JARS). An image that is there stays.
set -euo pipefail
dir=${1:?usage: standins.sh DIR JARS}
jars=${2:?usage: standins.sh DIR JARS}
here=$(cd "$(dirname "$0")" && pwd)
log=$dir/standins.log
base=hindsight-test/bookworm
export DOCKER_BUILDKIT=0
: >"$log"
die() { tail -n 15 "$log" >&2; echo "tests/compose/standins.sh: $* (all of it: $log)" >&2; exit 1; }
have() { docker image inspect "$1" >/dev/null 2>&1; }
build() { # image, directory of its Dockerfile
    have "$1" && return
    docker build --network host --build-arg BASE=$base -t "$1" "$2" >>"$log" 2>&1 </dev/null || die "$1 cannot be built"
}

# A Debian that knows this machine's mirrors, certificates and pip settings.
if ! have $base; then
    sources=()
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        if [ -s "$file" ] && grep -q bookworm "$file" && grep -q debian "$file"; then sources+=("$file"); fi
    done
    [ ${#sources[@]} -gt 0 ] || die "this machine has no source of Debian 12's packages"
    apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' >"$dir/apt.conf" || true
    { echo '[global]'; python3 -m pip config list | sed -nE \
        "s/^[^.]*\.(index-url|extra-index-url|trusted-host|proxy|cert|timeout)='(.*)'$/\1 = \2/p" | sort -u -t= -k1,1; } >"$dir/pip.conf"
    mmdebstrap --quiet --variant=apt --include=ca-certificates --aptopt="$dir/apt.conf" --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
        --customize-hook="copy-in $dir/pip.conf /etc" \
        --customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
        bookworm - "${sources[@]}" 2>>"$log" |
        docker import -c 'ENV LANG=C.UTF-8' -c 'CMD ["bash"]' - $base >>"$log" 2>&1 || die "$base cannot be built"
fi

build python:3.11-slim-bookworm "$here/standins/python"
build rabbitmq:3-management "$here/standins/rabbitmq"
have apache/kafka:4.1.0 || { rm -rf "$dir/kafka" && cp -r "$here/standins/kafka" "$dir/kafka" && cp -r "$jars" "$dir/kafka/libs"; }
build apache/kafka:4.1.0 "$dir/kafka"
build prom/prometheus:v3.5.0 "$here/standins/prometheus"
build prom/alertmanager:v0.28.1 "$here/standins/alertmanager"
