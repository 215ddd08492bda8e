/**
 * HTML of a mail made harmless before it goes into its frame.
 *
 * The frame is what protects: it has no script, no form, no origin, and its policy loads nothing. This takes away what a
 * policy cannot stop, elements that make a browser look up or connect to a name (`link`, `meta`, `base`), and everything
 * else that has no business in a mail. Elements are renamed, not parsed: a tag's name cannot be written in another way,
 * so no parser can see one that this has not.
 */

const UNWANTED =
  "script|link|meta|base|iframe|frame|frameset|object|embed|applet|portal|fencedframe|form|input|button|select|textarea|" +
  "template|audio|video|source|track|noscript|plaintext|marquee";
const TAGS = new RegExp(`<(/?)(?:${UNWANTED})(?=[\\s/>]|$)`, "gi");

/** More than this is not shown: no reader's program shows it either, and a browser would stand still. */
export const SHOWN_HTML_CHARS_MAX = 1_000_000;

/** A whole document. `images` are the mail's own, by Content-ID, as data URLs. */
export function safeMailHtml(text: string, images: ReadonlyMap<string, string> = new Map()): string {
  const body = text
    .slice(0, SHOWN_HTML_CHARS_MAX)
    .toWellFormed()
    .replace(/<(?:!doctype|\?)[^>]*>/gi, "")
    .replace(TAGS, "<$1x-removed")
    .replace(/(["'(])cid:([^"')\s<>]+)/gi, (whole, before: string, id: string) => {
      const image = images.get(decodeSafely(id));
      return image === undefined ? whole : `${before}${image}`;
    });
  return `<!doctype html><html><head><meta charset="utf-8"><title>-</title></head><body>${body}</body></html>`;
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
