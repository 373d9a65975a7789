/** Lists of addresses and networks, as settings hold them. */
import { BlockList, isIP } from "node:net";

/** A set of IP addresses. */
export interface Networks {
  /** False for what is no IP address. IPv4 mapped into IPv6 counts as the IPv4 address. */
  has(address: string): boolean;
  readonly isEmpty: boolean;
}

/** The addresses and networks (`192.0.2.1`, `10.0.0.0/8`, `fd00::/8`) of a text, parted by commas or white space. Throws an Error that names the first that is neither. */
export function parseNetworks(text: string): Networks {
  const list = new BlockList();
  const items = text.split(/[\s,]+/).filter((item) => item !== "");
  for (const item of items) add(list, item);
  return {
    isEmpty: items.length === 0,
    has(address) {
      const plain = unmapped(address);
      const family = isIP(plain);
      return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
    },
  };
}

/** An address as IPv4 where it is one that was mapped into IPv6 (RFC 4291 §2.5.5.2); without a zone. */
export function unmapped(address: string): string {
  const plain = address.replace(/%.*$/, "");
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  return dotted ?? plain;
}

function add(list: BlockList, item: string): void {
  const [address = "", bits, ...more] = item.split("/");
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || more.length > 0 || !(prefix <= most)) {
    throw new Error(`"${item}" is no address and no network such as 10.0.0.0/8`);
  }
  list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4");
}
