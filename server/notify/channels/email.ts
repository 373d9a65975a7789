/** E-mail over SMTP (RFC 5321). */
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { defineChannel } from "../channel.ts";

const SECURITY = ["tls", "starttls", "none"] as const;
/** RFC 8314 §3.3, RFC 6409 §3.1, RFC 5321 §4.5.4.2. */
const PORTS: Readonly<Record<(typeof SECURITY)[number], number>> = { tls: 465, starttls: 587, none: 25 };

/** Longest wait for a single answer of the mail server, in milliseconds. */
const SILENCE_MS = 15_000;

export const email = defineChannel({
  kind: "email",
  title: "E-mail",
  settings: z.object({
    host: z.string().min(1).meta({ title: "Mail server", description: "Its name, such as smtp.example.com." }),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .meta({ title: "Port", description: "0 means the usual one: 465, 587 or 25." }),
    security: z.enum(SECURITY).default("tls").meta({
      title: "Security",
      description: "TLS from the first byte, STARTTLS, or none (only inside a network of one's own).",
    }),
    user: z.string().default("").meta({ title: "User", description: "Empty: the server asks for no login." }),
    password: secret({
      title: "Password",
      description: "Often a code that the mail service gives for programs.",
    }).default(""),
    from: z.string().min(3).meta({ title: "From", description: "The sender's address, such as pandav@example.com." }),
    to: z.string().min(3).meta({ title: "To", description: "Who gets it; several addresses separated by commas." }),
  }),
  async send({ host, port, security, user, password, from, to }, { title, text, url }, { guard }, signal) {
    // Loaded when somebody uses it.
    const { createTransport } = await import("nodemailer");
    const connection = await guard.connect(host, port || PORTS[security], signal);
    const transport = createTransport({
      host,
      port: port || PORTS[security],
      secure: security === "tls",
      requireTLS: security === "starttls",
      ignoreTLS: security === "none",
      ...(user !== "" && { auth: { user, pass: password } }),
      greetingTimeout: SILENCE_MS,
      socketTimeout: SILENCE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
      getSocket: (_options: unknown, done: (error: Error | null, socket: object) => void) => done(null, { connection }),
    } as object);
    const stop = () => connection.destroy(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await transport.sendMail({ from, to, subject: title, text: url ? `${text}\n\n${url}\n` : `${text}\n` });
    } catch (error) {
      signal.throwIfAborted();
      throw explained(error);
    } finally {
      signal.removeEventListener("abort", stop);
      transport.close();
      connection.destroy();
    }
  },
});

/** What the mail server answered, which is about addresses and logins, without what we sent. */
function explained(error: unknown): StorageError {
  const { responseCode, response, code } = error as { responseCode?: number; response?: string; code?: string };
  const said = response?.replace(/[\r\n]+/g, " ").slice(0, 200) ?? code ?? "no reason given";
  // 4yz is transient, 5yz permanent (RFC 5321 §4.2.1).
  const retryable = responseCode === undefined ? code !== "EAUTH" : responseCode < 500;
  return new StorageError("upstream", `the mail server did not take the message (${said})`, { retryable });
}
