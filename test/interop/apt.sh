# Read by the scripts beside it: Debian packages, installed without a question and without starting a daemon.
# shellcheck shell=bash

# is_installed PACKAGE
is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# with_package_lists COMMAND...: once more after an update of the package lists, if it fails without
with_package_lists() {
  "$@" && return
  echo "interop: package lists are absent or old, updating them once" >&2
  apt-get -o DPkg::Lock::Timeout=300 update --quiet=2
  "$@"
}

# install_packages PACKAGE...: installs those that are missing; ends the script with a sentence when it cannot
install_packages() {
  local package policy=/usr/sbin/policy-rc.d missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "interop: ${missing[*]} missing, and installing them needs root" >&2
    exit 1
  fi
  # A policy script that says 101 keeps maintainer scripts from starting a daemon. Where the machine has one already
  # (all Debian container images do), that one is its owner's decision and stays.
  if [ ! -e "$policy" ]; then
    # In place before it is needed, gone in every way this script can end.
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
  fi
  DEBIAN_FRONTEND=noninteractive with_package_lists \
    apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends --quiet=2 "${missing[@]}"
  for package in "${missing[@]}"; do
    is_installed "$package" && continue
    echo "interop: $package is still missing" >&2
    exit 1
  done
}
