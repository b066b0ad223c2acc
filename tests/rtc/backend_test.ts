/** Which backend is chosen, and what is said about it. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import type { LogFields } from "../../lib/base/log.ts";
import { type BackendLoaders, selectBackend } from "../../lib/rtc/backend.ts";
import type { BackendName, LinkBackend } from "../../lib/rtc/link.ts";

function backend(name: BackendName): LinkBackend {
  return {
    name,
    create: () => {
      throw new Error("Expected no link to be made");
    },
    dispose: () => Promise.resolve(),
  };
}

const both: BackendLoaders = {
  native: () => Promise.resolve(backend("native")),
  werift: () => Promise.resolve(backend("werift")),
};
const broken: BackendLoaders = {
  ...both,
  native: () => Promise.reject(new Error("GLIBC_2.30 not found")),
};

async function choose(choice: "auto" | BackendName, loaders: BackendLoaders) {
  const notices: LogFields[] = [];
  const log = {
    write: (_level: string, _message: string, fields: LogFields = {}) => notices.push(fields),
  };
  const { name } = await selectBackend(choice, log, loaders);
  equal(notices.length, 1);
  return { name, why: notices[0]?.["why"] };
}

Deno.test("auto takes native where it loads and werift where it does not, and says why", async () => {
  deepEqual(await choose("auto", both), {
    name: "native",
    why: "it is the fastest and it loads",
  });
  deepEqual(await choose("auto", broken), {
    name: "werift",
    why: "the native addon does not load: GLIBC_2.30 not found",
  });
});

Deno.test("a choice is kept", async () => {
  equal((await choose("native", both)).name, "native");
  equal((await choose("werift", broken)).name, "werift");
});

Deno.test("native that does not load is an error with its cause and the next step", async () => {
  await rejects(choose("native", broken), (error: Error) => {
    equal(
      error.message,
      "Expected the native WebRTC addon to load, got: GLIBC_2.30 not found; " +
        "use --rtc auto or --rtc werift, which run everywhere",
    );
    return error.cause instanceof Error;
  });
});
