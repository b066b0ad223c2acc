/** Faults of a slot that each simulation of jobs must find: in the race, and in rooms. */

import type { PlantedFault } from "./planted_fault.ts";

/** The faults. */
export const PLANTED_IN_SLOTS: readonly PlantedFault[] = [
  {
    name: "a lease is granted twice",
    replacements: [{
      file: "slot.ts",
      sound:
        'if (this.#state.name !== "free") return this.#reserveAgain(request, this.#state, now);',
      faulty:
        'if (this.#state.name === "running") return this.#reserveAgain(request, this.#state, now);',
    }],
    report: /is given to job-\S+ while job-\S+ holds it/,
  },
  {
    name: "a lease that ended is not freed",
    replacements: [{
      file: "slot.ts",
      sound: 'if (this.#state.name === "leased" && now >= this.#state.until) this.#discard();',
      faulty: "if (now < 0) this.#discard();",
    }],
    report: /is still leased to|is woken all the time/,
  },
  {
    name: "nobody wakes a slot that is leased",
    replacements: [{
      file: "slot.ts",
      sound: 'this.#effects.push({ type: "wake", at: this.#state.until });',
      faulty: "",
    }],
    report: /is still leased to/,
  },
  {
    name: "available while it is leased",
    replacements: [{
      file: "slot.ts",
      sound: 'this.#tellRoom("reserved", { job_id: jobId, client_id: client });',
      faulty: 'this.#tellRoom("available", null);',
    }],
    report: /shows itself available with no job, although its slot is leased/,
  },
  {
    name: "the room is not told that a job is over",
    replacements: [{
      file: "slot.ts",
      sound:
        "    this.#report((stamp) => ({ ...verdictWords(verdict), ...stamp, duration_ms }));\n" +
        "    this.#free();",
      faulty:
        "    this.#report((stamp) => ({ ...verdictWords(verdict), ...stamp, duration_ms }));\n" +
        '    this.#state = { name: "free" };',
    }],
    report: /shows itself busy with job-\S+, although its slot is free/,
  },
  {
    name: "a job that is taken up is numbered anew",
    replacements: [{
      file: "slot.ts",
      sound: "spec, startedAt, epochsMax, sequence };",
      faulty: "spec, startedAt, epochsMax, sequence: 0 };",
    }],
    report: /as word 1, not/,
  },
];
