/** What others ask for the same mail in a month, each with its source and date. */

import { LIST_PRICES } from "./list-prices.ts";
import { essentialsDollars, MESSAGE_BYTES } from "./month.ts";
import { HOURS } from "./standing-resources.ts";

/** A service to compare with, in us-east-1 where it is AWS's. */
export interface OtherService {
  readonly name: string;
  /** Dollars a month; undefined where nothing is published. */
  readonly dollars: (messages: number) => Asked | undefined;
  readonly source: string;
  /** What the figure leaves open, and what the service does and does not. */
  readonly remark: string;
}

const LIST = "AWS Price List, us-east-1, 22 July 2026, as read by api-evangelist";
const recipient = LIST_PRICES.sesRecipient.dollars["us-east-1"];
const address = LIST_PRICES.publicAddressHour.dollars["us-east-1"];

/** Not verified: from memory of aws.amazon.com/ec2/pricing and /ebs/pricing; the disk's is of qiita.com, June 2021. */
const INSTANCE_HOUR = 0.0168;
const DISK_GIGABYTE = 0.08;
const DISK_GIGABYTES = 20;
const OUT_GIGABYTE = 0.09;
const OUT_FREE_GIGABYTES = 100;

/** A price; or a range, or only its upper end, where the plan of that size is not known. */
export type Asked = { readonly exact: number } | { readonly from?: number; readonly most: number };

/** In the order of the document. */
export const OTHER_SERVICES: readonly OtherService[] = [
  {
    name: "SES alone, a la carte",
    dollars: (messages) => ({ exact: messages * recipient }),
    source: LIST,
    remark:
      "Accounts that sent before 2025-06-01 or have chosen it. SMTP too, but no queue of its own: what SES refuses stays " +
      "with the client; no reports, no rewriting, one set of credentials for all domains.",
  },
  {
    name: "SES alone, Essentials",
    dollars: (messages) => ({ exact: essentialsDollars(messages) }),
    source: LIST,
    remark: "New accounts since 21 July 2026.",
  },
  {
    name: "SES Mail Manager",
    dollars: (messages) => ({ exact: 50 + messages * (0.00015 + recipient) }),
    source: LIST,
    remark:
      "One dedicated ingress endpoint, processing, and SES a la carte behind it. That it needs this endpoint is assumed.",
  },
  {
    name: "SMTP2GO",
    dollars: (messages) => {
      if (messages <= 10_000) return { exact: 10 };
      if (messages <= 100_000) return { exact: 75 };
      return messages < 3_000_000 ? { most: 75 + ((messages - 100_000) / 1000) * 0.85 } : undefined;
    },
    source: "smtp2go.com/pricing, 13 August 2026, as read by api-evangelist",
    remark:
      "Starter 10,000 for $10, Professional 100,000 for $75, then plans whose prices were not verified: the upper end is " +
      "Professional's $0.85 for 1,000 more. From 3 million on by offer.",
  },
  {
    name: "SendGrid",
    dollars: (messages) => {
      if (messages <= 50_000) return { exact: 19.95 };
      return messages <= 2_500_000
        ? { from: messages * 0.0005, most: 89.95 + (messages - 100_000) * 0.0011 }
        : undefined;
    },
    source: "twilio.com/en-us/products/email-api/pricing, 13 August 2026, as read by api-evangelist",
    remark:
      "Essentials 50,000 for $19.95. Pro's prices above 100,000 were not verified: the range is its published rates, " +
      "$0.0005 to $0.0011 a mail. Over 2.5 million by offer.",
  },
  {
    name: "Postmark",
    dollars: (messages) => {
      if (messages <= 10_000) return { exact: 15 };
      return messages <= 1_500_000 ? { most: 18 + ((messages - 10_000) / 1000) * 1.2 } : undefined;
    },
    source: "postmarkapp.com/pricing, 13 August 2026, as read by api-evangelist",
    remark:
      "10,000 for $15. Plans above 10,000 were not verified: the upper end is Platform's $1.20 for 1,000 more. From 1.5 " +
      "million on by offer.",
  },
  {
    name: "Postfix on a t4g.small, through SES",
    dollars: (messages) => ({ exact: instance() + messages * recipient }),
    source: "EC2 and EBS: not verified; address and SES as above",
    remark:
      "One instance with 20 GB and an address. Nobody is called when it stops, its disk is the only copy of the queue, and " +
      "bounces come as mail.",
  },
  {
    name: "Postfix on a t4g.small, by itself",
    dollars: (messages) => ({
      exact: instance() + Math.max(0, (messages * MESSAGE_BYTES) / 1e9 - OUT_FREE_GIGABYTES) * OUT_GIGABYTE,
    }),
    source: "EC2, EBS and transfer: not verified; address as above",
    remark: "AWS blocks port 25 until it is asked; one new address cannot send a million mails a month that arrive.",
  },
];

function instance(): number {
  return HOURS * (INSTANCE_HOUR + address) + DISK_GIGABYTES * DISK_GIGABYTE;
}
