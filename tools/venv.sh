#!/bin/sh
# Make the virtual environment named in $1, unless a usable one is there. Needs python3 >= 3.11 only.
set -eu
venv=$1
usable='import sys; sys.exit(sys.version_info < (3, 11))'

stop() {
    echo "setup: $*" >&2
    exit 1
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && "$name" -c "$usable" 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    found=$(python3 --version 2>&1) || found="no python3"
    stop "Ndoki needs Python 3.11 or newer, found ${found}. Install one (Debian 12: apt-get install python3)."
}

# Debian keeps ensurepip, and with it a working `python3 -m venv`, in a package of its own.
install_debian_venv() {
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    install="apt-get install -y --no-install-recommends $package"
    why="$python cannot make a virtual environment: its package $package is missing."
    command -v apt-get >/dev/null || stop "$why Install it and run make again."
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        stop "$why Run this, then make again: sudo $install"
    fi
    echo "$why Installing it."
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
}

if [ -e "$venv" ]; then
    "$venv/bin/python" -c "$usable" 2>/dev/null ||
        stop "$venv is there but holds no working Python 3.11 or newer. Remove it (make clean), then make again."
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null ||
        stop "$venv has no pip. Remove it (make clean), then make again."
    exit 0
fi

python=$(find_python)
"$python" -c 'import ensurepip' 2>/dev/null || install_debian_venv
# An interrupted or failed run leaves no half environment behind.
trap 'rm -rf "$venv"' EXIT
trap 'exit 130' INT TERM
"$python" -m venv "$venv" || stop "$python -m venv failed; the reason stands above."
trap - EXIT
