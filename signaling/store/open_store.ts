/** Which stores there are, and how each is opened. Loads none that is not wanted. */

import type { Log } from "../../lib/base/log.ts";
import type { Clock } from "../../lib/base/time.ts";
import type { DynamoOptions } from "./dynamo_table.ts";
import { MemoryStore } from "./memory.ts";
import type { Store } from "./store.ts";

/** A store, and what it takes to open it. */
export type StoreChoice =
  | { readonly kind: "memory" }
  /** A file in `folder`, which must exist. */
  | { readonly kind: "sqlite"; readonly folder: string }
  | { readonly kind: "dynamodb" } & DynamoOptions;

/**
 * Opens a store. One that is elsewhere comes guarded: it answers in time or refuses.
 *
 * @throws {Error} Where it cannot be opened.
 */
export async function openStore(
  choice: StoreChoice,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Store> {
  switch (choice.kind) {
    case "memory":
      return new MemoryStore();
    case "sqlite": {
      const { SqliteStore } = await import("./sqlite.ts");
      return new SqliteStore(choice.folder);
    }
    case "dynamodb": {
      const { DynamoStore } = await import("./dynamodb.ts");
      const { GuardedStore } = await import("./guarded.ts");
      return new GuardedStore(await DynamoStore.open(choice, log), clock);
    }
  }
  return choice satisfies never;
}
