#!/usr/bin/env bash
# What tests/compose needs on a Debian 12 machine: a Docker engine, Compose 1.29, and Compose v2 in DIR.
# Usage: packages.sh DIR (as root where something is missing). Done again, it does nothing.
set -euo pipefail
dir=${1:?usage: packages.sh DIR}
mkdir -p "$dir"
log=$dir/packages.log
: >"$log"
die() { echo "tests/compose/packages.sh: $*" >&2; exit 1; }
quiet() { "$@" >>"$log" 2>&1 </dev/null || { tail -n 8 "$log" >&2; die "failed: $*"; }; }

needed=()
for pair in dockerd:docker.io iptables:iptables docker-compose:docker-compose mmdebstrap:mmdebstrap; do
    command -v "${pair%%:*}" >/dev/null || needed+=("${pair##*:}")
done
if [ ${#needed[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || die "run as root, or install the equivalents of Debian's ${needed[*]}"
    echo "Installing ${needed[*]} with apt ..."
    policy=/usr/sbin/policy-rc.d  # the engine's service stays off: the tests start an engine of their own
    made=
    [ -e $policy ] || { made=1; printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; }
    quiet apt-get update -qq
    DEBIAN_FRONTEND=noninteractive quiet apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "${needed[@]}"
    [ -z "$made" ] || rm -f $policy
fi

# Debian 13's package of Compose v2 is one program, and runs on Debian 12.
if [ ! -x "$dir/compose-v2" ]; then
    echo "Fetching Compose v2 ..."
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
    [ -n "$mirror" ] || die "apt knows no mirror of Debian 12"
    apt=$(mktemp -d "${TMPDIR:-/tmp}/hindsight-apt.XXXXXX")
    trap 'rm -rf "$apt"' EXIT
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$apt/sources.list"
    options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    quiet apt-get "${options[@]}" update -qq
    (cd "$apt" && quiet apt-get "${options[@]}" download docker-compose)
    quiet dpkg-deb -x "$apt"/docker-compose_2*.deb "$apt/files"
    install -m 755 "$apt/files/usr/libexec/docker/cli-plugins/docker-compose" "$dir/compose-v2"
fi
