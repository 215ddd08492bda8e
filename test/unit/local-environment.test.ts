/** Local mode can reach no AWS but its own, whatever a person has in environment and home directory. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useLocalAws } from "../../lib/local/local-environment.ts";

const ENDPOINT = "http://127.0.0.1:4566";

describe("useLocalAws", () => {
  it("leaves of AWS only our endpoint, our region and fixed credentials, and everything else as it was", () => {
    const env: NodeJS.ProcessEnv = {
      PATH: "/bin",
      RELAYHOST_DATA_DIR: "x",
      AWS_PROFILE: "production",
      AWS_SESSION_TOKEN: "real",
      AWS_ACCESS_KEY_ID: "AKIAREAL",
      AWS_ENDPOINT_URL_S3: "https://s3.example",
      AWS_ROLE_ARN: "arn:aws:iam::1:role/x",
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x",
    };
    useLocalAws(env, ENDPOINT);
    const aws = Object.entries(env).filter(([name]) => name.startsWith("AWS_"));
    expect(Object.fromEntries(aws)).toEqual({
      AWS_ENDPOINT_URL: ENDPOINT,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    });
    expect(env).toMatchObject({ PATH: "/bin", RELAYHOST_DATA_DIR: "x" });
  });

  describe("with a person's own AWS files", () => {
    let home = "";
    let before: NodeJS.ProcessEnv = {};

    beforeEach(async () => {
      before = { ...process.env };
      home = await mkdtemp(join(tmpdir(), "relayhost-aws-"));
      const services = "services = mine\n[services mine]\ns3 =\n  endpoint_url = https://real.example\n";
      const profile = "region = eu-west-1\nuse_fips_endpoint = true\nignore_configured_endpoint_urls = true\n";
      await writeFile(join(home, "config"), `[default]\n${profile}${services}`);
      await writeFile(
        join(home, "credentials"),
        "[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n",
      );
      process.env["AWS_CONFIG_FILE"] = join(home, "config");
      process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(home, "credentials");
    });

    afterEach(async () => {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
      await rm(home, { recursive: true });
    });

    it("makes a real client speak to our endpoint, with our credentials", async () => {
      const requests: string[] = [];
      const server = createServer((request, response) => {
        requests.push(request.headers.authorization ?? "");
        response.end("<ListAllMyBucketsResult/>");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      useLocalAws(process.env, `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
      const client = new S3Client({});
      await client.send(new ListBucketsCommand({}));
      client.destroy();
      await new Promise((resolve) => server.close(resolve));
      expect(requests).toEqual([expect.stringMatching(/Credential=local\/\d{8}\/us-east-1\/s3\//)]);
    });
  });
});
