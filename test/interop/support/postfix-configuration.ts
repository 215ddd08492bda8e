/** main.cf and master.cf of the Postfix under test. The customer's part is what our set-up guide says. */

import { RELAY_HOST } from "./machine.ts";
import type { RelayAccess } from "./mail-server.ts";

/** Name of the customer's server, in one of the demo tenant's domains, so that its own bounces may pass the relay. */
export const HOST_NAME = "plesk1.example.com";

/** What the files are made from; folders are absolute. */
export type PostfixConfiguration = {
  readonly dir: string;
  readonly logFile: string;
  readonly mailboxes: string;
  readonly mailboxDomain: string | undefined;
  /** `[host]:port`, the same string as the key in the password file. */
  readonly relayHost: string;
  /** Type and path of the lookup table with the password. */
  readonly passwords: string;
  /** Certificates of the authorities that are trusted. */
  readonly trustFile: string;
  readonly mailOwner: { readonly uid: number; readonly gid: number };
  readonly relay: RelayAccess;
};

/** Contents of main.cf. */
export function mainCf(from: PostfixConfiguration): string {
  const { dir } = from;
  return `compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file_prefixes = ${dir}
maillog_file = ${from.logFile}

myhostname = ${HOST_NAME}
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
# smtpd would ask DNS for the name of each client.
smtpd_peername_lookup = no
alias_maps =
alias_database =
local_recipient_maps = static:all
message_size_limit = 31457280
mailbox_size_limit = 0

${from.mailboxDomain === undefined ? "" : mailboxesOf(from.mailboxDomain, from)}
# Only because the relay of the test is reached by address: elsewhere it is the name in relayhost.
smtp_tls_secure_cert_match = ${RELAY_HOST}

${customersPart(from)}smtp_tls_loglevel = 1
`;
}

/** What the set-up guide says to write into main.cf. */
export function customersPart(
  from: Pick<PostfixConfiguration, "relay" | "relayHost" | "passwords" | "trustFile">,
): string {
  return `relayhost = ${from.relayHost}
smtp_sasl_auth_enable = ${from.relay.allowListed === true ? "no" : "yes"}
smtp_sasl_password_maps = ${from.passwords}
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
smtp_tls_security_level = secure
smtp_tls_CAfile = ${from.trustFile}
smtp_tls_wrappermode = ${from.relay.implicitTls === true ? "yes" : "no"}
`;
}

/** The line of the password file; empty without a login. */
export function passwordEntry(relayHost: string, { login }: RelayAccess): string {
  return login === undefined ? "" : `${relayHost} ${login.user}:${login.password}\n`;
}

function mailboxesOf(domain: string, { mailboxes, mailOwner }: PostfixConfiguration): string {
  return `virtual_mailbox_domains = ${domain}
virtual_mailbox_base = ${mailboxes}
virtual_mailbox_maps = static:${domain}/
virtual_uid_maps = static:${mailOwner.uid}
virtual_gid_maps = static:${mailOwner.gid}
`;
}

/** Contents of master.cf: Postfix's usual services without chroot, listening for SMTP on one loopback port only. */
export function masterCf(smtpPort: number): string {
  return `127.0.0.1:${smtpPort} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}
