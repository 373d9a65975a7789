/** A link while it is kept or used: how long it is good, for whom, and when the upstream may forget it. */
import type { ClientHints, Link } from "#drivers/contract/mount.ts";
import { dropLink } from "./shared-link.ts";

/** How long a link is believed whose end the service does not tell, in milliseconds. */
const UNTOLD_LIFE_MS = 5 * 60_000;

/** Longest life believed, in milliseconds: what a link costs is saved long before. */
const LONGEST_LIFE_MS = 24 * 60 * 60_000;

/**
 * What must be left of the life of a link that this server is about to fetch with, in milliseconds (of a short life: half of it): its clock may be
 * off, and the request may wait for its turn. No more is needed, since only a request's begin counts, and a refused link is replaced.
 */
const OWN_MARGIN_MS = 60_000;

/**
 * What share of its life must be left of a link that is handed to a stranger. A player asks once and then goes on with what it got for as long as
 * the film runs, a person uses a copied address later, and nobody can give them a fresh one: they get half of what a fresh link has or more. A
 * share, because lives go from minutes to hours, and a fixed rest would never let a short-lived link be used twice.
 */
const STRANGERS_SHARE = 0.5;

export class HeldLink {
  readonly link: Link;
  /** Milliseconds since the epoch: the last moment at which it is believed to work. */
  readonly until: number;
  readonly #client: ClientHints;
  readonly #lifeMs: number;
  /** The maker's own hold included. */
  #holders = 0;
  #strangers = 0;
  #isKept = false;
  #isOver = false;
  #isReleased = false;

  /** `madeAt`: when it was asked for. */
  constructor(link: Link, client: ClientHints, madeAt: number) {
    this.link = link;
    this.#client = client;
    this.until = Math.min(link.expiresAt ?? madeAt + UNTOLD_LIFE_MS, madeAt + LONGEST_LIFE_MS);
    this.#lifeMs = this.until - madeAt;
  }

  /** True when the asker can fetch with it now. A link for this server is no link for a stranger: the driver was told who would fetch. */
  serves(client: ClientHints, now: number): boolean {
    const { purpose, userAgent, address } = this.#client;
    if (client.purpose !== purpose) return false;
    const half = this.#lifeMs * STRANGERS_SHARE;
    if (this.until - now <= (purpose === "redirect" ? half : Math.min(OWN_MARGIN_MS, half))) return false;
    return this.link.boundTo.every((what) => {
      if (what === "user-agent") return client.userAgent === userAgent;
      if (what === "client-ip") return client.address === address;
      return true; // the account's own cookie is the same for all
    });
  }

  /** Counts one more who uses it; the function that is returned takes that back. */
  hold(purpose: ClientHints["purpose"] = "proxy"): () => void {
    const by = (step: 1 | -1) => {
      if (purpose === "redirect") this.#strangers += step;
      else this.#holders += step;
    };
    by(1);
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      by(-1);
      this.#settle();
    };
  }

  keep(): void {
    this.#isKept = true;
  }

  /** It is kept no more. */
  leave(): void {
    this.#isKept = false;
    this.#settle();
  }

  /** Its time is up: strangers, who never say that they are done, do not count any more. */
  end(): void {
    this.#isOver = true;
    this.leave();
  }

  #settle(): void {
    if (this.#isReleased || this.#isKept || this.#holders > 0 || (this.#strangers > 0 && !this.#isOver)) return;
    this.#isReleased = true;
    dropLink(this.link);
  }
}
