import { Writable } from "node:stream";
import type pino from "pino";
import { expect, it } from "vitest";
import { sjtuAccount } from "#drivers/sjtu-pan/account.ts";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { createLogger } from "#server/log.ts";
import { redacted } from "#server/redacted.ts";
import { calm } from "#test/contract/steps.ts";
import { openWorld, type PanWorld } from "./simulator.ts";
import { countingSource } from "./sources.ts";

const MiB = 2 ** 20;

/** Everything that an error holds, causes included, as a person could come to see it. */
function textOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    parts.push(
      at.message,
      JSON.stringify({ ...at, cause: undefined, request: undefined, options: undefined, response: undefined }),
    );
  }
  return parts.join("\n");
}

/** What one failure after another, of every kind, leaves behind in errors and log lines. */
async function collect(world: PanWorld): Promise<string> {
  const said: string[] = [];
  const run = async (call: () => Promise<unknown>) => {
    await call().catch((error: unknown) => {
      said.push(textOf(error), JSON.stringify(redacted(error)));
    });
  };
  const { pan, mount } = world;
  pan.files.put("a.bin", "text");
  const entry = await mount.stat!(["a.bin"], calm());
  const faults = [
    { kind: "reset", when: "before" },
    { kind: "error", status: 403, code: "NoPermission" },
    { kind: "error", status: 500, code: "InternalServerError" },
    { kind: "html" },
  ] as const;
  for (const fault of faults) {
    pan.faults.add({ route: "", times: Number.POSITIVE_INFINITY, fault });
    await run(() => mount.root(calm()));
    await run(() => mount.link!(entry, { purpose: "proxy" }, calm()));
    await run(() => mount.usage!(calm()));
    await run(() => mount.upload!(ROOT, "b.bin", countingSource(10), { ...calm(), conflict: "fail" }));
    await run(() => mount.upload!(ROOT, "b.bin", countingSource(5 * MiB), { ...calm(), conflict: "fail" }));
    await run(() => sjtuAccount.renew!(world.account.credential, world.env, calm()));
    const { cookie } = world.account.credential;
    await run(() => sjtuAccount.renew!({ cookie: cookie! }, world.env, calm()));
    pan.faults.clear();
    pan.faults.add({ route: "store.", times: Number.POSITIVE_INFINITY, fault: { kind: "slow-down" } });
    await run(() => mount.upload!(ROOT, "b.bin", countingSource(5 * MiB), { ...calm(), conflict: "fail" }));
    pan.faults.clear();
  }
  pan.end("user-tokens");
  pan.end("access-tokens");
  pan.end("cookies");
  await run(() => mount.root(calm()));
  await pan.close();
  await run(() => sjtuAccount.renew!(world.account.credential, world.env, calm()));
  expect(said.length).toBeGreaterThan(20);

  const written: string[] = [];
  const logger = createLogger({
    level: "debug",
    destination: new Writable({
      write(chunk, _encoding, done) {
        written.push(String(chunk));
        done();
      },
    }) as unknown as pino.DestinationStream,
  });
  for (const { fields, message } of world.lines as { fields: object; message: string }[]) logger.debug(fields, message);
  expect(written.length).toBeGreaterThan(50);
  return [...said, ...written].join("\n");
}

it("no cookie, token or signature is in any error or log line of the driver (sjtu-pan.md §12.5, scenario 22; P-24)", async () => {
  await using world = await openWorld();
  await world.mount.root(calm());
  const link = await world.mount
    .root(calm())
    .then(() => world.pan.files.put("linked", "x"))
    .then(() => world.mount.stat!(["linked"], calm()))
    .then((entry) => world.mount.link!(entry, { purpose: "redirect" }, calm()));
  const { cookie, userToken, access } = world.account.credential;
  const text = await collect(world);
  const signature = new URL(link.url).searchParams.get("X-Amz-Signature")!;
  for (const secret of [
    cookie!,
    userToken!,
    access!.token,
    signature,
    "AWS4-HMAC-SHA256",
    "access_token=",
    "user_token=",
  ]) {
    expect(text.includes(secret), secret).toBe(false);
  }
});
