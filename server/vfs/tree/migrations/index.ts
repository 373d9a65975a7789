/** The tree file's migrations, oldest first. A released one is never edited. */
import type { Migrations } from "../../../store/migrate.ts";
import { up as first } from "./0001-first.ts";
import { up as nameMarks } from "./0002-name-marks.ts";

export const migrations: Migrations = {
  "0001-first": { up: first },
  "0002-name-marks": { up: nameMarks },
};
