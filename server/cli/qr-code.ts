/** QR codes for terminals and files. */
import type { QRCodeToStringOptions } from "qrcode";

/** White around the code, in modules: what ISO/IEC 18004 asks for. */
const MARGIN = 4;

/** Four modules of the lowest correction level fit the longest login addresses into 80 × 40 characters (sjtu-pan.md §2.2 step 5: level L is enough). */
const FORM: QRCodeToStringOptions = { type: "utf8", errorCorrectionLevel: "L", margin: MARGIN };

/** The code as lines of half blocks, dark on light: one character is one module wide and two high. */
export async function qrLines(content: string): Promise<readonly string[]> {
  const { default: qrcode } = await import("qrcode");
  const text = await qrcode.toString(content, FORM);
  return text.split("\n").filter((line) => line !== "");
}

/** The same lines in black on white whatever the terminal's own colours are: an app may not know a code in negative. */
export function inBlackOnWhite(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `\x1b[30;107m${line}\x1b[0m`);
}

/** The code as the bytes of a PNG file. */
export async function qrPng(content: string): Promise<Buffer> {
  const { default: qrcode } = await import("qrcode");
  return qrcode.toBuffer(content, { type: "png", errorCorrectionLevel: "L", margin: MARGIN, scale: 8 });
}
