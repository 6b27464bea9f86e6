#!/bin/sh
# Makes .venv with everything pinned by hash. Called by make; a second run is a matter of a second.
# usage: sh docker/setup.sh PYTHON
set -eu
cd "$(dirname "$0")/.."

say() { printf 'mys3d: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

python=${1:-}
venv=.venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 PIP_REQUIRE_VIRTUALENV=0

[ -n "$python" ] || fail "Python 3.11 or newer is needed and was not found. On Debian or Ubuntu:
  sudo apt install python3 python3-venv"

is_usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
is_usable "$python" || fail "$python is not Python 3.11 or newer"

if ! is_usable "$venv/bin/python"; then
    say "setting up $venv, once: about a minute"
    rm -rf "$venv"
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv "$venv"
    elif "$python" -c 'import venv, pip' 2>/dev/null; then
        "$python" -m venv --without-pip "$venv"    # stock Debian with python3-pip: its pip can install into our venv
    else
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "this Python cannot make a virtual environment with pip in it. On Debian or Ubuntu:
  sudo apt install python$version-venv
then run make again."
    fi
fi

# pip of the environment itself, else the pip of the Python that made it.
if "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    pip() { "$venv/bin/python" -m pip "$@"; }
else
    pip() { "$python" -m pip --python "$venv/bin/python" "$@"; }
fi

pip install --quiet --quiet --require-hashes -r requirements.lock
pip install --quiet --no-deps --no-build-isolation --editable .
touch "$venv/.ready"
