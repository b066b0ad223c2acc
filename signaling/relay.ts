/** What is passed on from peer to peer as it is: to whom, and in which words. Knows no room and no socket. */

import type { LinkId, PeerId, RequestId } from "../lib/base/id.ts";
import type { LegacyRelay } from "../lib/protocol/legacy_relay.ts";
import type { FromServer } from "../lib/protocol/signal_message.ts";
import type { PeerRequest } from "./room_event.ts";

/** The requests that only ask for something to be passed on. */
export type RelayRequest = Extract<PeerRequest, {
  type:
    | "peer_message"
    | "mesh_connect"
    | "mesh_answer"
    | "ice_candidate"
    | "offer"
    | "answer"
    | "candidate";
}>;

/** What the target of a relay hears. */
export type Relayed =
  | { readonly era: "today"; readonly message: FromServer }
  | { readonly era: "legacy"; readonly message: LegacyRelay };

/** Something on its way to `to`. */
export interface Relay {
  readonly to: PeerId;
  readonly relayed: Relayed;
  /** What a refusal repeats, so that the sender knows which of its requests is meant. */
  readonly about: { readonly request_id?: RequestId; readonly link_id?: LinkId };
}

/** What `request` of the peer `from` becomes at its target. No name in it is believed but the target's. */
export function relayOf(request: RelayRequest, from: PeerId): Relay {
  const { request_id } = request;
  const asked = request_id === undefined ? {} : { request_id };
  switch (request.type) {
    case "peer_message": {
      const { to_peer_id, payload } = request;
      const message = { type: request.type, from_peer_id: from, to_peer_id, payload } as const;
      return { to: to_peer_id, relayed: { era: "today", message }, about: asked };
    }
    case "mesh_connect":
    case "mesh_answer":
    case "ice_candidate": {
      const { link_id, target_peer_id } = request;
      const message = meshMessage(request, from);
      return {
        to: target_peer_id,
        relayed: { era: "today", message },
        about: { ...asked, link_id },
      };
    }
    case "offer":
    case "answer":
    case "candidate": {
      const message = legacyMessage(request, from);
      return { to: request.target, relayed: { era: "legacy", message }, about: asked };
    }
  }
  return request satisfies never;
}

function meshMessage(
  request: Extract<RelayRequest, { type: "mesh_connect" | "mesh_answer" | "ice_candidate" }>,
  from_peer_id: PeerId,
): FromServer {
  const { link_id } = request;
  switch (request.type) {
    case "mesh_connect":
      return { type: "mesh_offer", from_peer_id, link_id, offer: request.offer };
    case "mesh_answer":
      return { type: "mesh_answer", from_peer_id, link_id, answer: request.answer };
    case "ice_candidate":
      return { type: "ice_candidate", from_peer_id, link_id, candidate: request.candidate };
  }
  return request satisfies never;
}

function legacyMessage(
  request: Extract<RelayRequest, { type: "offer" | "answer" | "candidate" }>,
  sender: PeerId,
): LegacyRelay {
  const { target } = request;
  if (request.type === "candidate") {
    return { type: "candidate", sender, target, candidate: request.candidate };
  }
  const { type, sdp, role } = request;
  return { type, sender, target, sdp, ...(role === undefined ? {} : { role }) };
}
