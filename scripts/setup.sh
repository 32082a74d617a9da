#!/bin/sh
# Makes .venv from requirements.lock with nothing but Python 3.11 and its pip: no compiler, no uv, no ensurepip, no root.
# What is done is noted inside .venv, so that a second run does nothing and an interrupted one is begun anew.
set -eu
python=${1:-python3}
venv_python=.venv/bin/python
done_note=.venv/.leap-done       # what was installed, and where
begun_note=.venv/.leap-begun     # an installation began and has not ended
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

refuse() {
    say "setup: $1"
    exit 1
}

check_python() {
    found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        refuse "'$python' does not run. Install Python 3.11, or name it: make setup PYTHON=/path/to/python3.11"
    [ "$found" = 3.11 ] ||
        refuse "Leap needs Python 3.11, and '$python' is $found. Install it, or name it: make setup PYTHON=/path/to/python3.11"
    "$python" -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (22, 3))' 2>/dev/null ||
        refuse "Leap needs pip 22.3 or later for '$python'. On Debian: apt-get install python3-pip"
}

# The folder belongs to it: scripts in .venv/bin name their interpreter by its full path.
wanted() {
    { pwd; cat requirements.lock pyproject.toml; } | cksum
}

runs() {
    [ -x "$venv_python" ] && "$venv_python" -c '' 2>/dev/null
}

# --compile and --no-user because PIP_NO_COMPILE and PIP_USER may be set; the system's pip works inside .venv.
pip_install() {
    "$python" -m pip --python "$venv_python" install -q -q --disable-pip-version-check --no-user --compile --no-deps "$@"
}

install() {
    if [ -e "$begun_note" ] || ! runs; then
        "$python" -m venv --clear --without-pip .venv
    fi
    rm -f "$done_note"
    : >"$begun_note"
    say "setup: installing $(grep -c == requirements.lock) packages into .venv, a minute or two"
    pip_install --require-hashes --only-binary :all: -r requirements.lock
    pip_install --no-build-isolation --editable .
    "$venv_python" -m compileall -q src training serving || say "setup: the file above does not compile; going on"
    if ! "$venv_python" -c 'import lightgbm' 2>/dev/null; then
        say "setup: LightGBM does not load. On Debian it needs the package libgomp1: apt-get install libgomp1"
        exit 1
    fi
    # Compiled once here, a first `leap score` need not; without it, explanations still work.
    "$venv_python" -m leap.models.warm >/dev/null || say "setup: see: .venv/bin/leap doctor"
    wanted >"$done_note"
    rm "$begun_note"
    say "setup: done. The commands are in .venv/bin, for example: .venv/bin/leap --help"
}

[ -f "$done_note" ] && [ "$(cat "$done_note")" = "$(wanted)" ] && runs && exit 0
check_python
install
