/** The mail servers there is a set-up for. */

import { planCpanel } from "./cpanel.ts";
import { planExchange } from "./exchange.ts";
import { planExim } from "./exim.ts";
import { planOpenSmtpd } from "./opensmtpd.ts";
import { planPlesk } from "./plesk.ts";
import { planPostfix } from "./postfix.ts";
import { planPleskQmail, planQmail } from "./qmail.ts";
import { planSendmail } from "./sendmail.ts";
import type { SetupPlan, SetupValues } from "./setup-plan.ts";
import { planDma, planMsmtp, planNullmailer } from "./small-clients.ts";

/** A mail server. */
export interface SetupServer {
  readonly name: string;
  readonly plan: (values: SetupValues) => SetupPlan;
  /** Whether it can send some destinations through the relay and others directly. */
  readonly selective: boolean;
}

/** All of them, in the order of the help. */
export const SETUP_SERVERS: readonly SetupServer[] = [
  { name: "postfix", plan: planPostfix, selective: true },
  { name: "plesk", plan: planPlesk, selective: true },
  { name: "plesk-qmail", plan: planPleskQmail, selective: true },
  { name: "qmail", plan: planQmail, selective: true },
  { name: "sendmail", plan: planSendmail, selective: true },
  { name: "exim", plan: planExim, selective: true },
  { name: "cpanel", plan: planCpanel, selective: false },
  { name: "opensmtpd", plan: planOpenSmtpd, selective: true },
  { name: "msmtp", plan: planMsmtp, selective: false },
  { name: "nullmailer", plan: planNullmailer, selective: false },
  { name: "dma", plan: planDma, selective: false },
  { name: "exchange", plan: planExchange, selective: true },
];
