import { writeFileSync } from "node:fs";
import { compare } from "./compare.ts";
import { readExchanges, SERVERS } from "./recorded.ts";
import { Session } from "./session.ts";

for (const server of SERVERS) {
  const out: string[] = [];
  const session = await Session.open(server);
  try {
    for (const exchange of readExchanges(server)) {
      const reply = await session.ask(exchange);
      for (const line of compare(exchange, reply))
        out.push(`${exchange.name} | ${line} | ${(reply.json?.message ?? reply.text ?? "").slice(0, 100)}`);
    }
  } finally {
    await session.close().catch((e) => out.push(String(e)));
    writeFileSync(`/tmp/wire-${server}.txt`, out.join("\n"));
  }
}
