/** Randomness that a seed decides, so that a failing run can be made again. */

/** A function that returns the next number in [0, 1) of the sequence that `seed` decides (mulberry32). */
export function pseudoRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** `size` bytes that `seed` decides, without a period that could hide a swapped or repeated piece. */
export function pseudoRandomBytes(size: number, seed: number): Buffer {
  const next = pseudoRandom(seed);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = next() * 4294967296;
  return Buffer.from(words.buffer, 0, size);
}
