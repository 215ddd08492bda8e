/**
 * Reads mails with python3's `email` package: an opinion on our MIME that shares no code with ours.
 *
 * Failure:  throws when python3 is missing or its run fails. A test that cannot ask must not pass.
 */

import { spawnSync } from "node:child_process";

/** One part that is not a container. */
export interface PythonPart {
  readonly type: string;
  readonly charset: string | null;
  readonly encoding: string;
  /** Decoded text of a text part. */
  readonly text: string | null;
  /** Groups of fields of a `message/delivery-status`, unfolded. */
  readonly groups: readonly (readonly (readonly [string, string])[])[] | null;
  /** Top fields and body (base64) of a `message/rfc822`. */
  readonly inner: { readonly fields: readonly (readonly [string, string])[]; readonly body: string } | null;
}

/** A mail as Python understands it. */
export interface PythonMail {
  readonly fields: readonly (readonly [string, string])[];
  readonly type: string;
  readonly reportType: string | null;
  /** Defects of the mail and of every part, the returned original's own inside excepted. */
  readonly defects: readonly string[];
  readonly parts: readonly PythonPart[];
}

const SCRIPT = `
import sys, json, base64, email, email.policy, re

def fields(items):
    return [[str(k), re.sub(r"\\r?\\n(?=[ \\t])", "", str(v))] for k, v in items]

def part(p):
    kind = p.get_content_type()
    out = {"type": kind, "charset": p.get_content_charset(), "encoding": str(p.get("Content-Transfer-Encoding", "7bit")),
           "text": None, "groups": None, "inner": None}
    if kind == "message/delivery-status":
        out["groups"] = [fields(group.raw_items()) for group in p.get_payload()]
    elif kind == "message/rfc822":
        inner = p.get_payload(0)
        body = inner.as_bytes(policy=email.policy.compat32) if inner.is_multipart() else (inner.get_payload(decode=True) or b"")
        out["inner"] = {"fields": [[str(k), str(v)] for k, v in inner.raw_items()], "body": base64.b64encode(body).decode()}
    else:
        out["text"] = p.get_payload(decode=True).decode(p.get_content_charset() or "latin-1", "replace")
    return out

mails = []
for raw in json.load(sys.stdin):
    message = email.message_from_bytes(base64.b64decode(raw), policy=email.policy.default)
    parts = message.get_payload() if message.is_multipart() else []
    defects = list(message.defects)
    for p in parts:
        defects += p.defects
        if p.get_content_type() == "message/delivery-status":
            for group in p.get_payload():
                defects += group.defects
    for k, v in message.items():
        defects += getattr(v, "defects", ())
    mails.append({"fields": fields(message.items()), "type": message.get_content_type(),
                  "reportType": message.get_param("report-type"),
                  "defects": [type(d).__name__ for d in defects], "parts": [part(p) for p in parts]})
json.dump(mails, sys.stdout)
`;

/** Parses each mail, all in one Python process. */
export function readWithPython(mails: readonly Buffer[]): PythonMail[] {
  const input = JSON.stringify(mails.map((mail) => mail.toString("base64")));
  const run = spawnSync("python3", ["-c", SCRIPT], { input, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
  if (run.error !== undefined) {
    throw new Error(`python3 is needed to check reports with its email package: ${run.error.message}`);
  }
  if (run.status !== 0) throw new Error(`python3 could not read the mails: ${run.stderr}`);
  return JSON.parse(run.stdout) as PythonMail[];
}

/** Value of a field by its name (case does not count), or undefined. */
export function fieldOf(fields: readonly (readonly [string, string])[], name: string): string | undefined {
  return fields.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}
