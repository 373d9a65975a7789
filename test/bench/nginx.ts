/** Debian's nginx with static files: what the machine can do when a request costs next to nothing. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "#drivers/contract/path.ts";
import { freePort, outputOf, startServer } from "./child.ts";
import { type Contestant, running } from "./contestant.ts";

export async function nginxContestant(root: string, ownFolder: string): Promise<Contestant> {
  mkdirSync(ownFolder, { recursive: true });
  const version = (await outputOf("nginx", ["-v"])).replace("nginx version: ", "");
  const server = running(async () => {
    const port = await freePort();
    const config = join(ownFolder, "nginx.conf");
    writeFileSync(config, configuration(root, ownFolder, port));
    const args = ["-p", ownFolder, "-c", config, "-e", join(ownFolder, "error.log")];
    return { child: await startServer("nginx", args, port), port };
  });
  const written = new Set<string>();
  return {
    name: "nginx",
    version,
    headers: {},
    urlOf: encodePath,
    treeDirectories: (paths) => paths.map(encodePath),
    answerPaths(length, count) {
      const folder = join(root, "answers", String(length));
      mkdirSync(folder, { recursive: true });
      return Array.from({ length: count }, (_, i) => {
        const file = join(folder, `${i}.xml`);
        if (!written.has(file)) writeFileSync(file, Buffer.alloc(length, "x"));
        written.add(file);
        return `/answers/${length}/${i}.xml`;
      });
    },
    ...server,
  };
}

/** Foreground, so that its process id is the one we end; as root the workers must stay root to read a private folder. */
function configuration(root: string, folder: string, port: number): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  default_type application/octet-stream;
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n  ")}
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`;
}
