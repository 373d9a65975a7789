/** A mail server of the test's own, on loopback: it takes one mail after the other and keeps what it was told (RFC 5321). */

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";

export interface SmtpServer {
  readonly port: number;
  /** Mails as they came, head and body. */
  readonly mails: string[];
  /** Every command, in order. */
  readonly commands: string[];
  /** What RCPT is answered; default that it is taken. */
  rcptReply: string;
  close(): Promise<void>;
}

/** `login`: AUTH PLAIN is asked for, and must be this. */
export async function startSmtp(login?: { readonly user: string; readonly password: string }): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const server: SmtpServer = {
    port: 0,
    mails: [],
    commands: [],
    rcptReply: "250 ok",
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  const answer = (line: string): string => {
    const [verb = ""] = line.split(" ");
    switch (verb.toUpperCase()) {
      case "EHLO":
        return login ? "250-mail.test\r\n250 AUTH PLAIN" : "250 mail.test";
      case "AUTH": {
        const sent = Buffer.from(line.split(" ")[2] ?? "", "base64").toString("utf8");
        return sent === `\0${login?.user}\0${login?.password}` ? "235 welcome" : "535 wrong login";
      }
      case "RCPT":
        return server.rcptReply;
      case "DATA":
        return "354 go on";
      default:
        return "250 ok";
    }
  };
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.write("220 mail.test ESMTP\r\n");
    let rest = "";
    let mail: string[] | undefined;
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (mail && line === ".") {
          server.mails.push(mail.join("\n"));
          mail = undefined;
          socket.write("250 taken\r\n");
        } else if (mail) mail.push(line);
        else {
          server.commands.push(line);
          if (line.toUpperCase() === "DATA") mail = [];
          socket.write(`${answer(line)}\r\n`);
          if (line.toUpperCase() === "QUIT") socket.end();
        }
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return Object.assign(server, { port: (listener.address() as AddressInfo).port });
}
