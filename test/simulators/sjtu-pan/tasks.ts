/** Work that goes on after the reply (sjtu-pan.md §3.7). */
import type { ApiRoute } from "./api-call.ts";
import { refusalRow } from "./errors.ts";
import { json } from "./wire.ts";
import type { Space, Task, World } from "./world.ts";

export const TASK: ApiRoute = {
  name: "api.task",
  query: [],
  run({ call, world, space, path }) {
    const ids = (path[0] ?? "").split(",");
    if (path.length !== 1 || ids.some((id) => !/^\d+$/.test(id))) return call.refuse("path", "task ids are numbers");
    const rows = ids.flatMap((id) => {
      const task = world.tasks.get(Number(id));
      if (task?.space !== space) call.violate("path", `the task ${id} was never given out`);
      return task?.space === space ? [rowOf(world, task)] : [];
    });
    return json(200, rows);
  },
};

/** Starts a task and returns its id. Its work is done only when the time and the polls of the knobs have passed. */
export function addTask(world: World, space: Space, run: Task["run"]): number {
  const id = world.nextNumber();
  const doneAt = world.now() + world.knobs.taskDelayMs;
  world.tasks.set(id, { id, space, doneAt, polls: 0, run, outcome: undefined });
  return id;
}

/** Tasks that have not done their work. */
export function openTasks(world: World): number {
  return [...world.tasks.values()].filter(({ outcome }) => outcome === undefined).length;
}

function rowOf(world: World, task: Task) {
  task.polls += 1;
  if (!task.outcome && world.now() >= task.doneAt && task.polls > world.knobs.taskPolls) task.outcome = outcomeOf(task);
  return { taskId: task.id, ...(task.outcome ?? { status: 202 }) };
}

function outcomeOf(task: Task): NonNullable<Task["outcome"]> {
  try {
    return task.run();
  } catch (error) {
    return refusalRow(error);
  }
}
