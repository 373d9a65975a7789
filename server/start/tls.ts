/** The certificate of the HTTPS listener: read, checked, and read anew when its files change. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, type StatsListener, unwatchFile, watchFile } from "node:fs";
import type { Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { TlsFiles } from "../config.ts";
import type { TlsPair } from "../http/server.ts";

/** How often the files are looked at, in milliseconds. Looking works where watching does not: links that are turned, network folders. */
const LOOK_MS = 10_000;

/** Certificate and key. Throws `invalid-config` with a line that names the flag, the file and the remedy; what is in the files is not shown. */
export function readTls({ certFile, keyFile }: TlsFiles): TlsPair {
  const cert = readText("--tls-cert", certFile, "the certificate with its chain, in PEM");
  const key = readText("--tls-key", keyFile, "the certificate's key, in PEM");
  if (!parseCertificate(cert, certFile).checkPrivateKey(parseKey(key, keyFile))) {
    throw wrong(
      `--tls-key: ${keyFile} is not the key of the certificate ${certFile}: name the pair that was made together`,
    );
  }
  return { cert, key };
}

/** Calls `renew` with what the files hold after a change; a pair that is not usable is logged, and the old one stays. The returned function stops looking. */
export function watchTls(
  files: TlsFiles,
  { renew, log, everyMs = LOOK_MS }: { renew(pair: TlsPair): void; log: Log; everyMs?: number },
): () => void {
  const onChange: StatsListener = (now, before) => {
    if (now.mtimeMs === before.mtimeMs && now.size === before.size && now.ino === before.ino) return;
    try {
      renew(readTls(files));
      log.info({ certFile: files.certFile }, "new connections get the new certificate");
    } catch (error) {
      log.warn({ err: error }, "the old certificate stays in use");
    }
  };
  for (const file of [files.certFile, files.keyFile]) {
    watchFile(file, { interval: everyMs, persistent: false }, onChange);
  }
  return () => {
    for (const file of [files.certFile, files.keyFile]) unwatchFile(file, onChange);
  };
}

function readText(flag: string, file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw wrong(
      `${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}): name a file with ${what}`,
      error,
    );
  }
}

function parseCertificate(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw wrong(`--tls-cert: ${file} holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`, error);
  }
}

function parseKey(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const isSealed = (error as { code?: string }).code === "ERR_MISSING_PASSPHRASE" || /ENCRYPTED/.test(text);
    throw wrong(
      isSealed
        ? `--tls-key: ${file} is sealed with a passphrase: store it without one, readable for this user alone`
        : `--tls-key: ${file} holds no private key in PEM ("-----BEGIN PRIVATE KEY-----")`,
      error,
    );
  }
}

function wrong(message: string, cause?: unknown): StorageError {
  return new StorageError("invalid-config", message, { ...(cause !== undefined && { cause }) });
}
