/** What the server dispatches and what `/api/openapi.json` says must be the same, in both directions. */
import { expect, it } from "vitest";
import { openHardened } from "#test/hardening/world.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Only on the control socket. */
const OWNERS_ONLY = ["POST /api/pandav/fs/upload-local"];

/** Other routes with a name in their place answer these: `GET /api/pandav/tasks/{id}`. */
const BY_NAME = ["cancel", "retry", "remove"].map((name) => `GET /api/pandav/tasks/${name}`);

it("answers every method that the document names for a path, and no other (alist-api.md §2)", async () => {
  const { port } = await openHardened();
  const ask = async (method: string, path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path.replace(/\{\w+\}/g, "x")}`, {
      method,
      redirect: "manual",
      // Nobody is logged in: what exists refuses, and changes nothing.
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, text: await response.text() };
  };
  const isAnswered = ({ status, text }: { status: number; text: string }) =>
    status !== 405 && !(status === 404 && (text === "404 Not Found" || text.includes("there is no route")));
  const { paths } = JSON.parse((await ask("GET", "/api/openapi.json")).text) as { paths: Record<string, object> };
  const wrong: string[] = [];
  for (const [path, documented] of Object.entries(paths)) {
    for (const method of METHODS) {
      const isNamed = method.toLowerCase() in documented;
      const isReached = isAnswered(await ask(method, path));
      if (isNamed !== isReached && ![...OWNERS_ONLY, ...BY_NAME].includes(`${method} ${path}`))
        wrong.push(`${method} ${path} is ${isNamed ? "documented" : "answered"} only`);
    }
  }
  expect(wrong).toEqual([]);
  expect(Object.keys(paths).length).toBeGreaterThan(150);
});
