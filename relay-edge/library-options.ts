/**
 * How the SMTP library is set up: what it offers, and what it leaves to us.
 *
 * Authentication is "optional" for it, because it is checked at MAIL, with replies of ours.
 */

import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import type { Certificate } from "./certificate.ts";
import { tlsPolicy } from "./tls-policy.ts";

/** The library's options for one port. `implicitTls`: sockets come with TLS. */
export function libraryOptions(settings: EdgeSettings, certificate: Certificate, implicitTls: boolean) {
  return {
    ...tlsPolicy(certificate),
    secure: implicitTls,
    secured: implicitTls,
    name: settings.hostName,
    size: settings.messageSizeBytesMax,
    authOptional: true,
    allowInsecureAuth: settings.clearTextAuth,
    authMethods: ["PLAIN", "LOGIN"],
    // A look-up would stand before every greeting.
    disableReverseLookup: true,
    disabledCommands: ["WIZ", "SHELL", "KILL", "XCLIENT", "XFORWARD"],
    hideSMTPUTF8: true,
    hideENHANCEDSTATUSCODES: false,
    hideDSN: false,
    maxCommandLength: settings.commandLineBytesMax,
    socketTimeout: settings.socketIdleMs,
    logger: false as const,
  };
}
