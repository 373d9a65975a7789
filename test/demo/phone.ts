/** The phone of the demo: a page on this machine with the codes that wait, and a button for each person who may scan them. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { DemoService } from "./service.ts";

export interface Phone extends AsyncDisposable {
  /** Address of the page. */
  readonly url: string;
}

const STYLE =
  "body{font:16px/1.6 sans-serif;max-width:40em;margin:3em auto;padding:0 1em}button{font:inherit;margin:.2em .4em .2em 0;padding:.3em .8em}";

/** Serves the page on a free port of 127.0.0.1. */
export async function startPhone(services: readonly DemoService[]): Promise<Phone> {
  const server = createServer((request, response) => answer(services, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(services: readonly DemoService[], request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const [, service, id, person] = /^\/confirm\/(\d+)\/([^/]+)\/(\d+)$/.exec(request.url ?? "") ?? [];
  if (request.method === "POST" && service && id && person) {
    const good = services[Number(service)]?.confirm(decodeURIComponent(id), Number(person)) === true;
    page(response, good ? 200 : 410, good ? "<p>Confirmed: look at the terminal.</p>" : "<p>That code is over.</p>");
  } else if (request.method === "GET" && request.url === "/") {
    page(response, 200, codesOf(services));
  } else page(response, 404, "<p>There is nothing here.</p>");
}

function codesOf(services: readonly DemoService[]): string {
  const blocks = services.flatMap((service, index) =>
    service.codes().map(({ id }) => {
      const buttons = service.people.map(
        (name, person) =>
          `<form method="post" action="/confirm/${index}/${encodeURIComponent(id)}/${person}"><button>Confirm as ${escaped(name)}</button></form>`,
      );
      return `<h2>${escaped(service.title)}</h2><p>Somebody shows a code.</p>${buttons.join("")}`;
    }),
  );
  return blocks.length > 0 ? blocks.join("") : "<p>No code is waiting. <code>pandav auth</code> shows one.</p>";
}

function page(response: ServerResponse, status: number, body: string): void {
  const head = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2; url=/"><title>The phone</title><style>${STYLE}</style>`;
  response
    .writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" })
    .end(`${head}<h1>The phone of the demo</h1>${body}\n`);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
