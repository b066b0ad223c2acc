/** A real signaling server on loopback, with one room, for tests of those who register there. */

import { SILENT_LOG } from "../../lib/base/log.ts";
import { createRoom } from "../../lib/client/room_api.ts";
import type { RoomAccess } from "../../lib/runtime/config.ts";
import { newRoomSecret } from "../../lib/runtime/credentials.ts";
import {
  type SignalingOptions,
  type SignalingServer,
  startSignaling,
} from "../../signaling/server.ts";
import { withFolder } from "./condition.ts";

/** A server that can go away and come back at its address. */
export class SignalingLab {
  readonly room: RoomAccess;
  readonly #dataFolder: string;
  readonly #options: Partial<SignalingOptions>;
  #server: SignalingServer;

  private constructor(
    dataFolder: string,
    server: SignalingServer,
    room: RoomAccess,
    options: Partial<SignalingOptions>,
  ) {
    this.#dataFolder = dataFolder;
    this.#options = options;
    this.#server = server;
    this.room = room;
  }

  /** Runs `body` with a server that differs by `options` from a plain one, and stops it. */
  static async with(
    body: (lab: SignalingLab) => Promise<void>,
    options: Partial<SignalingOptions> = {},
  ): Promise<void> {
    await withFolder(async (dataFolder) => {
      const server = await startServer(dataFolder, 0, options);
      const { roomId, token } = await createRoom(server.url, {});
      const room = { server: server.url, roomId, token, secret: newRoomSecret() };
      const lab = new SignalingLab(dataFolder, server, room, options);
      try {
        await body(lab);
      } finally {
        await lab.#server.stop();
      }
    });
  }

  /** Takes the server away. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  /** Brings the server back, with the rooms that it had. */
  async restart(): Promise<void> {
    await this.#server.stop();
    const port = Number(new URL(this.room.server).port);
    this.#server = await startServer(this.#dataFolder, port, this.#options);
  }
}

function startServer(
  dataFolder: string,
  port: number,
  options: Partial<SignalingOptions>,
): Promise<SignalingServer> {
  const at = { hostname: "127.0.0.1", port, dataFolder, store: "sqlite" } as const;
  return startSignaling({ ...at, ...options }, SILENT_LOG);
}
