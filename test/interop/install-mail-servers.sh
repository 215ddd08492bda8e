#!/usr/bin/env bash
# Unpacks Debian's mail servers side by side, each into a small root of its own, where paths are those of a Debian
# machine: /etc/exim4, /var/spool/nullmailer and so on. (dpkg would allow only one of them at a time.)
#
# Promise:  nothing outside the folder changes, except that libraries are installed; no user is added to the machine.
#           Fast when the folder was made by this very script.
# Failure:  exits non-zero with one sentence and leaves no half a root behind.
# The folder is INTEROP_DIR, /opt/relayhost-interop if not set. A test works in a copy of a root, never in the root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/interop/apt.sh
. "$here/apt.sh"

base=${INTEROP_DIR:-/opt/relayhost-interop}
stamp=$base/made-by
wanted=$(sha256sum <"$0")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  echo "interop: mail servers present in $base"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "interop: mail servers missing in $base, and unpacking them with their owners needs root" >&2
  exit 1
fi

# Name of the root, then the packages in it. exim4-daemon-light is what Debian installs by default.
servers=(
  "exim exim4-daemon-light exim4-base exim4-config"
  "sendmail sendmail-bin sendmail-base sendmail-cf"
  "opensmtpd opensmtpd"
  "nullmailer nullmailer"
  "dma dma"
)
# What the servers' own scripts call: update-exim4.conf and the Makefile-less way to a sendmail.cf.
tools=(sh cat chmod chown cp cut date dirname expr fold getopt grep head hostname id ls m4 mkdir mktemp mv rm sed sort stat touch tr)

work=$(mktemp -d /var/tmp/relayhost-interop-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs" "$work/roots"
chmod 0755 "$work" "$work/debs"

fetch() { # all packages at once: apt checks what it brings against the signed lists
  local packages=()
  local server
  for server in "${servers[@]}"; do
    # shellcheck disable=SC2206 # the names are to be split
    packages+=(${server#* })
  done
  (cd "$work/debs" && apt-get -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300 --quiet=2 download "${packages[@]}")
}

# The libraries that the packages depend on, the first alternative of each. They exclude nobody.
libraries() {
  local deb
  for deb in "$work"/debs/*.deb; do
    dpkg-deb --field "$deb" Pre-Depends Depends
  done | sed 's/^[A-Za-z-]*: *//' | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//; s/[[:space:]]//g' | grep '^lib' | sort -u
}

unpack() { # unpack NAME PACKAGE...
  local root=$work/roots/$1 package
  shift
  mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,etc/ssl/certs,dev,tmp,root,run,var/mail,var/spool}
  # As on every Debian since 12: /bin and its like lead to /usr.
  for package in bin sbin lib lib64; do ln -s "usr/$package" "$root/$package"; done
  ln -s ../run "$root/var/run"
  chmod 1777 "$root/tmp"
  for package in "$@"; do dpkg-deb --fsys-tarfile "$work/debs/$package"_*.deb | tar -x -C "$root" --keep-directory-symlink; done
  rm -rf "$root"/usr/share/{doc,man,locale,lintian,bug} "$root"/lib/systemd "$root"/etc/init.d
  add_tools "$root"
  add_libraries "$root"
  add_system_files "$root"
  make_folders "$root"
}

add_tools() {
  local tool
  for tool in "${tools[@]}"; do cp -L "$(command -v "$tool")" "$1/usr/bin/$tool"; done
}

# Whatever the loader asks for, and the SASL mechanisms, which are loaded at run time.
add_libraries() {
  local root=$1 plugins
  for plugins in /usr/lib/*/sasl2; do cp -L --parents "$plugins"/lib{plain,login}.so* "$root"; done
  find "$root/usr" -type f \( -perm -u+x -o -name '*.so*' \) -exec sh -c 'ldd "$1" 2>/dev/null' _ {} \; |
    grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
    # /lib and /lib64 are links in the root, as they are outside.
    mkdir -p "$root/$(dirname "$library")"
    cp -L "$library" "$root/$library"
  done
}

add_system_files() {
  local root=$1
  mknod -m 666 "$root/dev/null" c 1 3
  mknod -m 666 "$root/dev/zero" c 1 5
  mknod -m 666 "$root/dev/random" c 1 8
  mknod -m 666 "$root/dev/urandom" c 1 9
  # Debian's own users, then those of all servers: numbers that Debian leaves to the system, the same in each root.
  cp /usr/share/base-passwd/passwd.master "$root/etc/passwd"
  cp /usr/share/base-passwd/group.master "$root/etc/group"
  local id=901 user
  for user in Debian-exim smmta smmsp opensmtpd opensmtpq; do
    echo "$user:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>"$root/etc/passwd"
    echo "$user:x:$id:" >>"$root/etc/group"
    id=$((id + 1))
  done
  echo 'hosts: files' >"$root/etc/nsswitch.conf"
  cp -L /etc/protocols /etc/services "$root/etc/"
  : >"$root/etc/aliases"
}

# What the packages' installation scripts would make, for the servers that are in this root.
make_folders() {
  local root=$1
  [ ! -e "$root/usr/sbin/exim4" ] || {
    install -d -o 901 -g 4 -m 2750 "$root/var/log/exim4"
    install -d -o 901 -g 901 -m 750 "$root/run/exim4" "$root/var/spool/exim4"{,/db,/input,/msglog}
    install -d "$root/var/lib/exim4"
  }
  [ ! -e "$root/usr/libexec/sendmail/sendmail" ] || {
    install -d -o 902 -g 903 -m 2755 "$root/etc/mail"{,/m4} "$root/var/lib/sendmail"
    install -d -o 902 -g 903 -m 2750 "$root/var/spool/mqueue"
    install -d -o 903 -g 903 -m 2770 "$root/var/spool/mqueue-client"
    install -d -o 902 -g 903 -m 2755 "$root/run/sendmail/mta"
    install -d -o 0 -g 903 -m 2755 "$root/var/lib/sendmail/host_status"
  }
  [ ! -e "$root/usr/sbin/smtpctl" ] || {
    chown 0:905 "$root/usr/sbin/smtpctl"
    chmod 2755 "$root/usr/sbin/smtpctl"
  }
  [ ! -e "$root/usr/sbin/nullmailer-send" ] || {
    install -d "$root/etc/nullmailer"
    mkfifo -m 622 "$root/var/spool/nullmailer/trigger"
    chown 8:0 "$root/var/spool/nullmailer/trigger"
  }
}

if ! with_package_lists fetch; then
  echo "interop: the mail servers' packages cannot be fetched" >&2
  exit 1
fi
mapfile -t needed < <(libraries)
install_packages "${needed[@]}" m4
for server in "${servers[@]}"; do
  # shellcheck disable=SC2086 # the names are to be split
  unpack $server
done

mkdir -p "$base"
rm -f "$stamp"
for server in "${servers[@]}"; do
  rm -rf "${base:?}/${server%% *}"
  mv "$work/roots/${server%% *}" "$base/"
done
echo "$wanted" >"$stamp"
echo "interop: mail servers unpacked into $base"
