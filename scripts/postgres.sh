#!/bin/sh
# Installs Debian's PostgreSQL for the tests, which start a server of their own on a free port and stop it again.
# Without root or apt-get nothing is done, and the tests that need a server are skipped and counted.
set -eu

say() { printf '%s\n' "$*" >&2; }

found() {
    command -v initdb >/dev/null 2>&1 && command -v postgres >/dev/null 2>&1 && return 0
    for folder in /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && return 0
    done
    return 1
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    # Debian would make and start a cluster of its own, which nobody needs here.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    apt-get -qq update &&
        apt-get -qq install -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql >/dev/null
}

found && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "test: no PostgreSQL server here; its tests are skipped. On Debian: apt-get install postgresql"
    exit 0
fi
say "test: installing Debian's PostgreSQL for the tests of its source"
install || say "test: PostgreSQL could not be installed; its tests are skipped"
