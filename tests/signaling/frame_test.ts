import assert from "node:assert/strict";
import { readFrame } from "../../signaling/frame.ts";

Deno.test("frame: what is no message is refused by a code, with the request id where it has one", () => {
  const deep = `{"type":"peer_message","to_peer_id":"w1","payload":{"a":${"[".repeat(20_000)}${
    "]".repeat(20_000)
  }}}`;
  const table: [text: string, code: string, requestId?: string][] = [
    ["", "INVALID_JSON"],
    ["{", "INVALID_JSON"],
    ["null", "INVALID_MESSAGE"],
    ["[]", "INVALID_MESSAGE"],
    ['{"type":7}', "INVALID_MESSAGE"],
    ['{"type":"fs_list_res","request_id":"r1"}', "UNKNOWN_MESSAGE_TYPE", "r1"],
    ['{"type":"toString"}', "UNKNOWN_MESSAGE_TYPE"],
    ['{"type":"query_workers","request_id":"r2","filters":{"tags":7}}', "INVALID_MESSAGE", "r2"],
    ['{"type":"query_workers","request_id":"no spaces"}', "INVALID_MESSAGE"],
    ['{"type":"claim_admin","epoch":1.5}', "INVALID_MESSAGE"],
    [deep, "INVALID_MESSAGE"],
  ];
  for (const [text, code, requestId] of table) {
    const frame = readFrame(text);
    assert(!frame.ok, text.slice(0, 80));
    assert.equal(frame.refusal.code, code, text.slice(0, 80));
    assert.equal(frame.refusal.request_id, requestId);
  }
  assert.deepEqual(readFrame('{"type":"ping"}'), { ok: true, message: { type: "ping" } });
});
