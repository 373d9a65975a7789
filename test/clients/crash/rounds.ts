/** Rounds of SIGKILL over PUT, MOVE, locks with properties, and settings. */
import { LockJob } from "./locks.ts";
import { MoveJob } from "./moves.ts";
import { PutJob } from "./puts.ts";
import { SettingsJob } from "./settings.ts";
import { CrashWorld } from "./world.ts";

/** Runs that many rounds, each of another kind than the one before; prints the seed and what was found. Resolves to the rounds that were run. */
export async function crashRounds(rounds: number, seed: number): Promise<number> {
  console.log(`${rounds} rounds, seed ${seed}`);
  await using world = new CrashWorld(seed);
  const jobs = [new PutJob(), new MoveJob(), new LockJob(), new SettingsJob()];
  await world.start();
  for (let round = 0; round < rounds; round++) {
    const line = await world.round(jobs[round % jobs.length]!, jobs);
    console.log(`round ${round + 1}: ${line}`);
  }
  return rounds;
}
