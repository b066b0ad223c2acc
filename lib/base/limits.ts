/**
 * The limits that more than one layer holds. Each says what raising and lowering it costs; a limit
 * that one file alone holds stands in that file.
 */

/** Workers in a room. Higher: a full mesh of n grows as n², 45 links at 10. Lower: labs run out. */
export const WORKERS_MAX = 10;
/** Workers in a room from which on the server warns. */
export const WORKERS_WARNING = 8;
/** Clients in a room at once. Higher: more sockets a room; lower: a class of students is refused. */
export const CLIENTS_MAX = 100;
/** One WebSocket frame. Higher: strangers make the server hold more; lower: large offers fail. */
export const SIGNAL_FRAME_BYTES_MAX = 64 * 1024;
/**
 * One message on a link, whole. Higher: a peer makes us hold more; lower: long lists fail. A
 * configuration at its own limit must fit, with every line break and quote escaped.
 */
export const LINK_MESSAGE_BYTES_MAX = 1024 * 1024;
/** What a peer says of itself, as JSON. Higher: lists of workers grow; lower: mounts are cut. */
export const METADATA_BYTES_MAX = 8 * 1024;
