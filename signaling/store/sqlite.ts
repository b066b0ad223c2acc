/** Rooms in one SQLite file, which survives the process. Knows no other table and no network. */

import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { z } from "zod";
import type { RoomId } from "../../lib/base/id.ts";
import { SECOND_MS } from "../../lib/base/time.ts";
import { SetupError } from "../setup_error.ts";
import { type Store, type StoredRoom, storedRoomSchema, StoreUnavailable } from "./store.ts";

/** Version of the tables, kept in the file's `user_version`. */
const SCHEMA_VERSION = 1;
const FILE_NAME = "signaling.sqlite";
/** How long opening waits for another process's write, in milliseconds; nobody is served yet. */
const OPEN_MS_MAX = 1_000;
/** How long a write waits for another process's. Higher: a backup is borne; lower: it is told sooner. */
const LOCKED_MS_MAX = SECOND_MS;
/** Between two tries meanwhile. Lower: more tries for nothing; everybody else is served in between. */
const LOCKED_POLL_MS = 20;
/** The lower byte of SQLite's result code where another connection is in the way. */
const SQLITE_BUSY = 5;

const SCHEMA = `
  CREATE TABLE rooms (
    room_id    TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX rooms_by_expiry ON rooms (expires_at);
`;
const LIVES = "(expires_at IS NULL OR expires_at > :now)";
const EXPIRED = "expires_at <= :now";

/** The room, or else a row that is like one. */
const FIND = `
  SELECT *, 1 AS is_there FROM rooms WHERE room_id = :room_id AND ${LIVES}
  UNION ALL
  SELECT :room_id, 'a room', '', '${"0".repeat(64)}', 0, :now, 0
  LIMIT 1
`;
const foundRoomSchema = storedRoomSchema.extend({ is_there: z.int() });

/** Keeps rooms in a file. */
export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #finding: StatementSync;
  /** Until the next try, while another process writes: one try for all who wait. */
  #pause: Promise<void> | undefined;

  /**
   * Opens the file in `folder`, which must exist, and makes it at first.
   *
   * @throws {SetupError} Where the file cannot be opened, is none of SQLite's, or of a newer version.
   */
  constructor(folder: string) {
    const path = join(folder, FILE_NAME);
    this.#database = opened(path);
    try {
      this.#database.exec(`PRAGMA busy_timeout = ${OPEN_MS_MAX}`);
      // A commit then survives the death of the process; only a power cut can cost the last ones.
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      this.#migrate(path);
      // SQLite waits on the spot, and with it every live room: from now on `#answer` does.
      this.#database.exec("PRAGMA busy_timeout = 0");
      this.#finding = this.#database.prepare(FIND);
    } catch (error) {
      this.#database.close();
      throw error instanceof SetupError ? error : unusable(path, error);
    }
  }

  createRoom(room: StoredRoom, nowSeconds: number): Promise<boolean> {
    return this.#answer(() => {
      const { room_id, name, owner, token_hash, created_at, expires_at } = room;
      this.#run(`DELETE FROM rooms WHERE room_id = :room_id AND ${EXPIRED}`, {
        room_id,
        now: nowSeconds,
      });
      const written = this.#run(
        `INSERT INTO rooms (room_id, name, owner, token_hash, created_at, expires_at)
         VALUES (:room_id, :name, :owner, :token_hash, :created_at, :expires_at)
         ON CONFLICT DO NOTHING`,
        { room_id, name, owner, token_hash, created_at, expires_at },
      );
      return written === 1;
    });
  }

  findRoom(roomId: RoomId, nowSeconds: number): Promise<StoredRoom | undefined> {
    return this.#answer(() => this.#find(roomId, nowSeconds));
  }

  extendRoom(
    roomId: RoomId,
    expiresAt: number,
    nowSeconds: number,
  ): Promise<StoredRoom | undefined> {
    return this.#answer(() => {
      this.#run(
        `UPDATE rooms SET expires_at = max(expires_at, :expires_at)
         WHERE room_id = :room_id AND expires_at > :now`,
        { room_id: roomId, expires_at: expiresAt, now: nowSeconds },
      );
      return this.#find(roomId, nowSeconds);
    });
  }

  deleteRoom(roomId: RoomId): Promise<boolean> {
    return this.#answer(() =>
      this.#run("DELETE FROM rooms WHERE room_id = :room_id", { room_id: roomId }) === 1
    );
  }

  countRooms(nowSeconds: number): Promise<number> {
    return this.#answer(() => {
      const row = this.#database.prepare(`SELECT count(*) AS count FROM rooms WHERE ${LIVES}`)
        .get({ now: nowSeconds });
      return Number(row?.["count"]);
    });
  }

  sweepExpired(nowSeconds: number): Promise<number> {
    return this.#answer(() => this.#run(`DELETE FROM rooms WHERE ${EXPIRED}`, { now: nowSeconds }));
  }

  ping(): Promise<void> {
    return this.#answer(() => {
      this.#database.prepare("SELECT 1").get();
    });
  }

  close(): Promise<void> {
    return this.#answer(() => this.#database.close());
  }

  /** Reads and decodes a row in any case: the time that it takes must not tell which rooms there are. */
  #find(roomId: RoomId, nowSeconds: number): StoredRoom | undefined {
    const row = this.#finding.get({ room_id: roomId, now: nowSeconds });
    const { is_there, ...room } = foundRoomSchema.parse(row);
    return is_there === 1 ? room : undefined;
  }

  #run(statement: string, values: Record<string, SQLInputValue>): number {
    return Number(this.#database.prepare(statement).run(values).changes);
  }

  /** Asks SQLite, which answers at once or not at all, again and again while another process writes. */
  async #answer<T>(ask: () => T): Promise<T> {
    const deadline = performance.now() + LOCKED_MS_MAX;
    for (;;) {
      while (this.#pause !== undefined) await this.#pause;
      try {
        return ask();
      } catch (cause) {
        if (!isLocked(cause)) throw cause;
        if (performance.now() >= deadline) {
          const text = `Expected the rooms' file to be free within ${LOCKED_MS_MAX} ms, got locked`;
          throw new StoreUnavailable(text, { cause, retryAfterMs: LOCKED_MS_MAX });
        }
        this.#pause = new Promise<void>((resolve) => setTimeout(resolve, LOCKED_POLL_MS))
          .finally(() => this.#pause = undefined);
      }
    }
  }

  #migrate(path: string): void {
    const version = Number(this.#database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version === SCHEMA_VERSION) return;
    if (version !== 0) {
      throw new SetupError(
        `Expected rooms of version ${SCHEMA_VERSION} in ${path}, got version ${version}; use the newer program or another data folder`,
      );
    }
    this.#database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  }
}

function opened(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): SetupError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SetupError(
    `Expected to keep rooms in ${path}, got "${why}"; put the file, its folder or the disk right, or move the file away: every room in it is lost then`,
    { cause },
  );
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" &&
    (error.errcode & 0xff) === SQLITE_BUSY;
}
