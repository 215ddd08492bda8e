/** What receivers see of a domain or an address, and what to do about it, the most pressing first. */

import type { Diagnosis } from "../core/doctor/doctor-page.ts";
import { type Severity, sortFindings } from "../core/doctor/finding.ts";
import { type Html, html } from "./html.ts";
import { badge, copyable, field, type Mood, searchForm, table } from "./parts.ts";
import type { View } from "./view.ts";

const MOODS: Readonly<Record<Severity, Mood>> = {
  must: "bad",
  should: "warn",
  unknown: "plain",
  note: "plain",
  good: "good",
};

/** The page. */
export function doctorFindingsPage(view: View, diagnosis: Diagnosis | undefined, problem: string | undefined): Html {
  const { words, language, query } = view;
  const { doctor } = words;
  return html`<p>${doctor.intro}</p>
${searchForm(view, [
  field(doctor.subject, "subject", query["subject"] ?? "", { type: "search", hint: doctor.subjectHint }),
  field(doctor.selectors, "selectors", query["selectors"] ?? "", { hint: doctor.selectorsHint }),
])}
${problem === undefined ? "" : html`<p class="notice warn" role="alert">${problem}</p>`}
${diagnosis === undefined ? html`<p class="empty">${doctor.empty}</p>` : findings(view, diagnosis)}
${
  diagnosis === undefined || diagnosis.demands.length === 0
    ? ""
    : html`<h2>${doctor.demands}</h2>${table(
        doctor.demands,
        [doctor.receiver, doctor.demand, words.common.state],
        diagnosis.demands.map(({ receiver, what, state }) => [
          receiver,
          what[language],
          badge(doctor.states[state], state === "met" ? "good" : state === "not-met" ? "bad" : "plain"),
        ]),
        "",
      )}`
}`;
}

function findings({ words, language, ...rest }: View, { subject, findings: all }: Diagnosis): Html {
  const view = { words, language, ...rest };
  return html`<h2><bdi>${subject}</bdi></h2>${sortFindings(all).map(
    (finding, index) =>
      html`<div class="notice ${MOODS[finding.severity]}"><p>${badge(words.doctor.severities[finding.severity], MOODS[finding.severity])} <bdi>${finding.what[language]}</bdi></p>${finding.todo === undefined ? "" : html`<p><bdi>${finding.todo[language]}</bdi></p>`}${finding.url === undefined ? "" : html`<p><a href="${finding.url}" rel="noreferrer">${finding.url}</a></p>`}${finding.letter === undefined ? "" : html`<details><summary>${words.doctor.letter}</summary>${copyable(view, `letter-${index}`, finding.letter)}</details>`}</div>`,
  )}`;
}
