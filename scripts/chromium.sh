#!/bin/sh
# Installs Debian's Chromium for the tests that look at pages in a browser. Without root or apt-get nothing is done, and
# those tests are skipped and counted.
set -eu

say() { printf '%s\n' "$*" >&2; }

command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "test-browser: no Chromium here; its tests are skipped. On Debian: apt-get install chromium"
    exit 0
fi
say "test-browser: installing Debian's Chromium"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null ||
    say "test-browser: Chromium could not be installed; its tests are skipped"
