#!/usr/bin/env bash
# Installs what `npm run test:interop` needs from Debian: real mail servers that act as customers of the relay, and the
# tools that look for weaknesses in it.
#
# Promise:  run as often as you like; does nothing when everything is there; asks no question; starts no daemon.
#           Mail servers that exclude one another are unpacked side by side, see install-mail-servers.sh.
# Failure:  exits non-zero with one sentence, and the tests then fail too instead of passing without their subject.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# libsasl2-modules brings the PLAIN and LOGIN mechanisms, libnet-ssleay-perl brings TLS to swaks. m4 makes sendmail's
# configuration. socat takes what mail servers say to syslog. knot is the name server of the DNS tests, pebble the
# certificate authority (with a name server of its own), chromium the browser of the console's.
packages=(postfix libsasl2-modules msmtp swaks libnet-ssleay-perl nmap testssl.sh openssl m4 socat knot pebble chromium)

# shellcheck source=test/interop/apt.sh
. "$here/apt.sh"

# "No configuration" leaves /etc/postfix without a main.cf of its own; each test brings a complete instance.
if ! is_installed postfix && [ "$(id -u)" -eq 0 ]; then
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi
install_packages "${packages[@]}"
bash "$here/install-mail-servers.sh"
echo "interop: ${packages[*]} present"
