/**
 * Tells for each command line whether it ended with a bare LF.
 *
 * The library's parser takes LF as the end of a command as well as CR LF, and hands on the line without its end. A line
 * that smuggles another behind it must not be taken (RFC 5321 §2.3.8), so the parser's input is looked at before it.
 */

/** What is used of the library's parser; a contract test holds it to this. */
export interface CommandParser {
  oncommand(line: Buffer, next?: () => void): void;
  _write(chunk: Buffer, encoding: BufferEncoding | "buffer", next: (error?: Error | null) => void): void;
  readonly _dataMode: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/** Calls `tell` before each command with whether its line ended with a bare LF. */
export function watchLineEnds(parser: CommandParser, tell: (bareLf: boolean) => void): void {
  const write = parser._write.bind(parser);
  const oncommand = parser.oncommand.bind(parser);
  let bareLfs: boolean[] = [];
  let last = LF;
  parser._write = (chunk, encoding, next) => {
    // In data mode the chunk holds no commands; what comes after the data is written again by the parser itself.
    if (parser._dataMode) last = LF;
    else {
      bareLfs = lineEnds(chunk, last);
      last = chunk.at(-1) ?? last;
    }
    write(chunk, encoding, next);
  };
  parser.oncommand = (line, next) => {
    tell(bareLfs.shift() ?? false);
    oncommand(line, next);
  };
}

/** For each LF in the chunk: whether it stands without a CR before it. */
function lineEnds(chunk: Buffer, before: number): boolean[] {
  const ends: boolean[] = [];
  for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
    ends.push((at === 0 ? before : chunk[at - 1]) !== CR);
  }
  return ends;
}
