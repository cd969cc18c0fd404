// What a client's program is given to do, and how it tells what it did; as task.py for Python.

/** The task, from the first argument. */
export const task = JSON.parse(process.argv[2]);

/** Fail with a message unless something is so. */
export function assert(isSo, message = 'not so') {
  if (!isSo) {
    throw new Error(message);
  }
}

/** Do what the task asks, and print for each scenario what went wrong, or null. */
export async function run(scenarios) {
  for (const scenario of task.scenarios) {
    let error = null;
    try {
      await scenarios[scenario]();
    } catch (caught) {
      error = String(caught?.stack ?? caught);
    }
    console.log(`{"scenario": "${scenario}", "error": ${JSON.stringify(error)}}`);
  }
}
