/** Links in memory keep the contract of real ones: what is tested on them is tested on no less. */

import { linkContract } from "../contract/link_contract.ts";
import { MemoryBackend } from "./memory_backend.ts";

linkContract(
  "memory",
  () => {
    const backend = new MemoryBackend();
    return Promise.resolve({ offerer: backend, answerer: backend });
  },
  {},
  // They meet by their id, and a frame is at the other end in a microtask.
  new Set(["signals", "buffers"] as const),
);
