/** Rounds of SIGKILL over uploads in all write modes, and what is done to files that wait. */
import { join } from "node:path";
import { PROJECT_ROOT } from "#test/support/server.ts";
import { UploadJob } from "./uploads.ts";
import { CrashWorld } from "./world.ts";

/** Runs that many rounds; prints the seed and what was found. Resolves to the rounds that were run. */
export async function uploadRounds(rounds: number, seed: number): Promise<number> {
  console.log(`${rounds} rounds, seed ${seed}`);
  const env = { PANDAV_DRIVERS: join(PROJECT_ROOT, "test/support/parts-driver.ts") };
  await using world = new CrashWorld(seed, env);
  const job = new UploadJob();
  await world.start();
  for (let round = 0; round < rounds; round++) {
    const line = await world.round(job, [job]);
    console.log(`round ${round + 1}: ${line}`);
  }
  return rounds;
}
