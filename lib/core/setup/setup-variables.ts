/** Variables that several set-ups share. */

import { type SetupValues, type SetupVariable, type Text, token } from "./setup-plan.ts";

const CA_FILES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/** Where the certification authorities are: Debian's place, then that of the RHEL family, then OpenBSD's and FreeBSD's. */
export function caVariable(values: SetupValues): SetupVariable {
  const name = "ca";
  if (values.caFile !== undefined) return { name, shell: `ca='${values.caFile}'`, shown: values.caFile };
  const shell = `ca=
for file in ${CA_FILES.join(" ")}; do
  if [ -f "$file" ]; then ca=$file; break; fi
done
[ -n "$ca" ] || stop "no bundle of certification authorities found; install ca-certificates"`;
  return { name, shell, shown: CA_FILES[0] ?? "" };
}

/** The token for it. */
export const CA = token("ca");

/** A note for systems that keep the authorities elsewhere. */
export const CA_ELSEWHERE: Text = {
  en: "CA certificates: the path is Debian's and Ubuntu's. On the RHEL family it is /etc/pki/tls/certs/ca-bundle.crt.",
  ja: "CA 証明書のパスは Debian / Ubuntu のものです。RHEL 系では /etc/pki/tls/certs/ca-bundle.crt になります。",
};

/** How to look at the relay's certificate from here. */
export function certificateCommand(values: SetupValues): string {
  const { host, port } = values;
  const how = values.implicitTls ? "" : "-starttls smtp ";
  return `openssl s_client ${how}-connect ${host}:${port} -servername ${host} -verify_return_error </dev/null`;
}

/** What that shows. */
export const CERTIFICATE_EXPECTED: Text = {
  en: "Verify return code: 0 (ok). If it cannot connect, a firewall blocks the port on the way out.",
  ja: "「Verify return code: 0 (ok)」と表示されます。接続できないときは、外向きのポートがファイアウォールで塞がれています。",
};

/** The address from which and the one to which the test mail goes. */
export function testAddresses(values: SetupValues): { readonly from: string; readonly to: string } {
  return { from: `you@${values.senderDomain}`, to: `you@${values.only?.[0]?.domain ?? "gmail.com"}` };
}

/** `sendmail`'s way to send a test mail. */
export function testMailCommand(values: SetupValues): string {
  const { from, to } = testAddresses(values);
  return `printf 'From: ${from}\\nTo: ${to}\\nSubject: relay test\\n\\ntest\\n' | sendmail -i -f ${from} ${to}`;
}
