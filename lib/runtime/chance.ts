/** Chance from the operating system, and names drawn from it. */

import { randomBytes, randomInt } from "node:crypto";
import { base32nopad } from "@scure/base";
import {
  isJobId,
  isLinkId,
  isRequestId,
  type JobId,
  type LinkId,
  type RequestId,
} from "../base/id.ts";
import type { Random } from "../base/random.ts";

/** Chance from the operating system. */
export const systemRandom: Random = { next: () => randomInt(2 ** 47) / 2 ** 47 };

/** `length` random characters of a-z and 2-7: five bits each. */
export function randomName(length: number): string {
  return base32nopad.encode(randomBytes(Math.ceil((length * 5) / 8))).toLowerCase().slice(
    0,
    length,
  );
}

/** A new job id: 60 random bits. */
export function newJobId(): JobId {
  return named(`job-${randomName(12)}`, isJobId);
}

/** A new request id. */
export function newRequestId(): RequestId {
  return named(`r${randomName(12)}`, isRequestId);
}

/** A new link id. */
export function newLinkId(): LinkId {
  return named(randomName(12), isLinkId);
}

function named<Name extends string>(text: string, form: (text: string) => text is Name): Name {
  if (!form(text)) throw new Error(`Expected a well-formed name, made ${text}`);
  return text;
}
