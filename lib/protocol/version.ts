/** Which versions of the program and of its protocol these are. */

import manifest from "../../deno.json" with { type: "json" };

/** The program's version, as in `sleap-rtc version`. */
export const SOFTWARE_VERSION: string = manifest.version;

/** The protocol's version. Peers of different ones refuse each other with a reason. */
export const PROTOCOL_VERSION = 1;
