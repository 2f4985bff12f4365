#!/usr/bin/env bash
# The one list of Debian packages fastkd needs. Installs what is missing; says so and stops where it cannot.
set -euo pipefail

packages=(
    gcc clang libclang-rt-14-dev cmake ninja-build pkg-config make git
    libunicorn-dev libcapstone-dev
    liblua5.4-dev libuv1-dev libcmocka-dev libjansson-dev libxxhash-dev
    lua5.4 lua-socket
    gcc-mingw-w64-x86-64-win32 gcc-mingw-w64-i686-win32 binutils-mingw-w64-x86-64 binutils-mingw-w64-i686 osslsigncode openssl libcapstone-dev libssl-dev
    hyperfine python3-matplotlib
)

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps: this is no Debian system; install the equivalents of: ${missing[*]}" >&2
    exit 1
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: neither root nor sudo; as root, run: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
fi
echo "deps: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${root[@]}" apt-get update -qq &&
       DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "deps: apt-get failed" >&2
    exit 1
fi
