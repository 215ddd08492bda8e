/** The same examination as `relayhost doctor`. */

import type { Hono } from "hono";
import { doctorFindingsPage } from "../../lib/console/doctor-page.ts";
import { toAsciiDomain } from "../../lib/core/address.ts";
import { canonicalIp } from "../../lib/core/cidr.ts";
import type { Diagnosis } from "../../lib/core/doctor/doctor-page.ts";
import { makeExamination } from "../commands/doctor.ts";
import { type ConsoleContext, type ConsoleEnv, show } from "./console-context.ts";

/** Serves `/doctor`. */
export function addDoctor(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  app.get("/doctor", async (c) => {
    const view = c.get("view");
    const { words, query } = view;
    const asked = (query["subject"] ?? "").trim();
    // An examination asks and connects to strangers' servers: no other site may have it done.
    const site = c.req.header("sec-fetch-site");
    const isOurs = site === undefined || site === "same-origin" || site === "none";
    const subject = canonicalIp(asked) ?? toAsciiDomain(asked);
    let diagnosis: Diagnosis | undefined;
    if (subject !== undefined && isOurs) {
      const selectors = (query["selectors"] ?? "").split(/[\s,]+/).filter((one) => /^[A-Za-z0-9._-]{1,63}$/.test(one));
      const examine = await makeExamination({
        lists: true,
        tls: true,
        dkimSelector: selectors,
        ...(context.resolvers === undefined ? {} : { resolver: [...context.resolvers] }),
      });
      diagnosis = await examine(subject);
    }
    const problem =
      asked !== "" && subject === undefined ? words.doctor.wrong : isOurs ? undefined : words.doctor.again;
    return show(c, context, words.nav.doctor, doctorFindingsPage(view, diagnosis, problem));
  });
}
