#!/usr/bin/env bash
# Installs the programs the tests drive, where it may; else says which and how.
# With CI=true a missing program is an error, because a skipped test there would pass for a success.
set -eu

has() { PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1" >/dev/null; }

missing=()
if [ -z "${TICKETFLOW_TEST_DATABASE_URL:-}" ]; then
    has mariadbd && has mariadb-install-db || missing+=(mariadb-server-core mariadb-client-core)
fi
# Playwright's driver is linked against it, and a small Debian does not have it.
! has ldconfig || PATH="$PATH:/sbin" ldconfig -p | grep -q libatomic.so.1 || missing+=(libatomic1)
has chromium || has chromium-browser || has google-chrome || missing+=(chromium)
# The same browser without windows, if it can be had: most tests take less time in it.
lighter=chromium-headless-shell
offered() { ! has "$lighter" && apt-cache show "$lighter" >/dev/null 2>&1; }

if [ ${#missing[@]} = 0 ]; then
    [ "$(id -u)" = 0 ] && offered || exit 0
fi

if [ "$(id -u)" = 0 ] && has apt-get; then
    echo "Installing what the tests drive ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    ! offered || missing+=("$lighter")
    # Only the "core" packages: they bring the programs and start no service.
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
    exit 0
fi

echo "Some tests will be skipped. To run them all, install (here as Debian names them):" >&2
echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
[ "${CI:-}" != true ]
