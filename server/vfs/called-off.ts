/** Why an upload stops that nobody will go on with. */

/** The reason of a signal that calls work off for good: what has been begun at a storage is given up at once, where an upload that only broke off is kept for another try. */
export class CalledOff extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CalledOff";
  }
}
