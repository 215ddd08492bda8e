import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dsnSamples } from "../support/dsn-samples.ts";

const FOLDER = join(import.meta.dirname, "../../docs/dsn-samples");

describe("docs/dsn-samples", () => {
  const samples = dsnSamples();

  it("holds each kind in both languages and nothing else", () => {
    const committed = readdirSync(FOLDER).filter((file) => file.endsWith(".eml"));
    expect(committed.sort()).toEqual(samples.map((sample) => sample.file));
    for (const action of ["failed", "delayed", "relayed"]) {
      for (const language of ["en", "ja"]) {
        expect(committed.some((file) => file.startsWith(action) && file.endsWith(`.${language}.eml`))).toBe(true);
      }
    }
  });

  it.each(samples.map((sample) => [sample.file, sample] as const))(
    "%s is what the code makes (else: node test/support/write-dsn-samples.ts)",
    (file, sample) => {
      expect(readFileSync(join(FOLDER, file)).equals(sample.bytes)).toBe(true);
    },
  );
});
