/** The HTTPS listener and its certificate. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { readConfig } from "#server/config.ts";
import { readTls, watchTls } from "#server/start/tls.ts";
import { startServer } from "#test/support/server.ts";
import { FIRST_PAIR, SEALED_KEY, SECOND_PAIR } from "#test/support/tls-pairs.ts";
import { silentLog } from "#test/support/vfs.ts";
import { BASIC, openHardened } from "./world.ts";

let folder: string;
let files: { certFile: string; keyFile: string };
const write = ({ cert, key }: { cert: string; key: string }) => {
  writeFileSync(files.keyFile, key);
  writeFileSync(files.certFile, cert);
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pandav-tls-"));
  files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function certificateOf(port: number): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("a certificate", () => {
  it.each([
    ["a certificate that is not there", () => {}, /^--tls-cert: .*cert\.pem cannot be read \(ENOENT\)/],
    [
      "a certificate that is none",
      () => write({ cert: "hello", key: FIRST_PAIR.key }),
      /^--tls-cert: .* no certificate/,
    ],
    ["a key that is none", () => write({ cert: FIRST_PAIR.cert, key: "hello" }), /^--tls-key: .* no private key/],
    ["a key under a passphrase", () => write({ cert: FIRST_PAIR.cert, key: SEALED_KEY }), /^--tls-key: .* passphrase/],
    [
      "the key of another certificate",
      () => write({ cert: FIRST_PAIR.cert, key: SECOND_PAIR.key }),
      /^--tls-key: .* is not the key/,
    ],
  ])("is refused with one line that names the flag: %s", (_what, prepare, message) => {
    prepare();
    expect(() => readTls(files)).toThrow(message);
    expect(() => readTls(files)).toThrow(expect.not.objectContaining({ message: expect.stringContaining("\n") }));
  });

  it("needs its key, and a key its certificate", () => {
    expect(() => readConfig({ tlsCert: "c.pem" }, {})).toThrow(/--tls-cert needs --tls-key/);
    expect(() => readConfig({}, { PANDAV_TLS_KEY: "k.pem" })).toThrow(/--tls-key needs --tls-cert/);
  });

  it("is read anew when its file changes; one that is not usable leaves the old one", async () => {
    write(FIRST_PAIR);
    const server = await openHardened({ tls: readTls(files) });
    const warned = vi.fn();
    const log = { ...silentLog, warn: warned };
    onTestFinished(watchTls(files, { renew: (pair) => server.server.renewTls(pair), log, everyMs: 20 }));
    expect((await certificateOf(server.port)).subject.CN).toBe("pandav one");
    writeFileSync(files.certFile, "half a cert");
    await vi.waitFor(() => expect(warned).toHaveBeenCalled(), 5000);
    expect((await certificateOf(server.port)).subject.CN).toBe("pandav one");
    write(SECOND_PAIR);
    await vi.waitFor(async () => expect((await certificateOf(server.port)).subject.CN).toBe("pandav two"), 5000);
  });
});

describe("the HTTPS listener", () => {
  it("serves WebDAV, names itself https, and ends with connections open that say nothing", async () => {
    write(FIRST_PAIR);
    const server = await startServer({ args: ["--tls-cert", files.certFile, "--tls-key", files.keyFile] });
    try {
      expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
      const headers = { Authorization: `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}` };
      const status = await new Promise((resolve, reject) => {
        get(`${server.url}/dav/local/`, { headers, ca: FIRST_PAIR.cert, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).once("error", reject);
      });
      expect(status).toBe(200);
      const port = Number(new URL(server.url).port);
      const silent = connectTcp(port, "127.0.0.1");
      onTestFinished(() => void silent.destroy());
      silent.on("error", () => {});
      await new Promise((resolve) => silent.once("connect", resolve));
      const plain = connectTcp(port, "127.0.0.1");
      plain.on("error", () => {});
      plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await new Promise((resolve) => plain.once("close", resolve));
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });

  it("ends running requests in peace, and cuts idle connections, when it closes", async () => {
    const server = await openHardened({ tls: FIRST_PAIR });
    const idle = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
    idle.on("error", () => {});
    let text = "";
    idle.on("data", (chunk) => {
      text += chunk;
    });
    idle.write(`GET /dav/m/a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: ${BASIC}\r\n\r\n`);
    await vi.waitFor(() => expect(text).toContain("hello"), 5000);
    expect(server.server.connections()).toBe(1);
    const closed = new Promise((resolve) => idle.once("close", resolve));
    await server.server.close(AbortSignal.timeout(5000));
    await closed;
    await vi.waitFor(() => expect(server.server.connections()).toBe(0), 5000);
  });

  it("does not begin where the certificate is not usable, with the flag in one line", async () => {
    write({ cert: "x", key: "y" });
    await expect(startServer({ args: ["--tls-cert", files.certFile, "--tls-key", files.keyFile] })).rejects.toThrow(
      /ended \(1\)[\s\S]*--tls-cert: .* holds no certificate/,
    );
  });
});
