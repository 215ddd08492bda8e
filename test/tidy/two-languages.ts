/** The parts of a Markdown document that its translation has too. */

/** Levels of the headings, in order. */
export function headingLevels(document: string): number[] {
  return [...outsideCode(document).matchAll(/^(#+) /gm)].map(([, marks = ""]) => marks.length);
}

/** Lines of the code blocks; of a command or comment without what stands behind it in the next column. */
export function codeLines(document: string): string[] {
  return blocks(document).flatMap((block) =>
    block.split("\n").map((line) => (/^(npx|npm|bash|#) ?/.test(line) ? line.replace(/ {3,}.*$/, "") : line)),
  );
}

/** Where the links lead, without their anchors. */
export function linkTargets(document: string): string[] {
  return [...outsideCode(document).matchAll(/\]\(([^)#\s]+)/g)].map(([, target = ""]) => target);
}

const FENCE = /^```[^\n]*\n([\s\S]*?)^```/gm;

function blocks(document: string): string[] {
  return [...document.matchAll(FENCE)].map(([, body = ""]) => body);
}

function outsideCode(document: string): string {
  return document.replace(FENCE, "");
}
