#!/usr/bin/env bash
# Installs what `npm run test:interop` needs from Debian: real mail servers that act as customers of the relay.
#
# Promise:  run as often as you like; does nothing when everything is there; asks no question; starts no daemon.
# Failure:  exits non-zero with one sentence, and the tests then fail too instead of passing without their subject.
set -euo pipefail

# libsasl2-modules brings the PLAIN and LOGIN mechanisms: without it Postfix has SASL support but nothing to log in with.
packages=(postfix libsasl2-modules)

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "interop: ${packages[*]} present"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "interop: ${missing[*]} missing, and installing them needs root" >&2
  exit 1
fi

# A policy script that says 101 keeps maintainer scripts from starting a daemon. Where the machine has one already (all
# Debian container images do), that one is its owner's decision and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  # In place before the trap is needed, gone in every way this script can end.
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
# "No configuration" leaves /etc/postfix without a main.cf of its own; each test brings a complete instance.
if printf '%s\n' "${missing[@]}" | grep -qx postfix; then
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi

install_missing() {
  apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends --quiet=2 "${missing[@]}"
}
if ! install_missing; then
  echo "interop: package lists are absent or old, updating them once" >&2
  apt-get -o DPkg::Lock::Timeout=300 update --quiet=2
  install_missing
fi

for package in "${packages[@]}"; do
  if ! installed "$package"; then
    echo "interop: $package is still missing" >&2
    exit 1
  fi
done
echo "interop: ${packages[*]} installed"
