/**
 * Rooms in a DynamoDB table, for several servers or none of its own disk. The one importer of the
 * AWS SDK's document client: load it with `import()`, only where it is wanted. Knows no HTTP.
 */

import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  ScanCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import type { RoomId } from "../../lib/base/id.ts";
import type { Log } from "../../lib/base/log.ts";
import {
  type DynamoOptions,
  EXPIRY,
  isRefusedCondition,
  KEY,
  openTable,
  unavailable,
} from "./dynamo_table.ts";
import { type Store, type StoredRoom, storedRoomSchema } from "./store.ts";

/** Pages of 1 MB that a count or a sweep reads, some 3,000 rooms each. Higher: dearer sweeps. */
const PAGES_MAX = 100;

/** A room that never expires has no expiry, which is also how DynamoDB's own TTL has it. */
const LIVES = `attribute_exists(${KEY}) AND (attribute_not_exists(${EXPIRY}) OR ${EXPIRY} > :now)`;
const EXPIRED = `${EXPIRY} <= :now`;

/** Keeps rooms in a table. */
export class DynamoStore implements Store {
  readonly #documents: DynamoDBDocumentClient;
  readonly #table: string;

  private constructor(documents: DynamoDBDocumentClient, table: string) {
    this.#documents = documents;
    this.#table = table;
  }

  /**
   * Opens the table, and makes it where it is absent and may be made. Credentials are those of the
   * AWS SDK's usual chain. Expired rooms are removed by the server's sweep and, where the table's
   * time to live can be switched on, by DynamoDB; neither is relied on: every read checks.
   *
   * @throws {StoreUnavailable} Where DynamoDB does not answer, or refuses.
   * @throws {Error} Where the table is absent and may not be made, or is one of another kind.
   */
  static async open(options: DynamoOptions, log: Log): Promise<DynamoStore> {
    const client = await openTable(options, log);
    return new DynamoStore(DynamoDBDocumentClient.from(client), options.table);
  }

  async createRoom(room: StoredRoom, nowSeconds: number): Promise<boolean> {
    const { expires_at, ...rest } = room;
    return await applied(this.#documents.send(
      new PutCommand({
        TableName: this.#table,
        Item: expires_at === null ? rest : { ...rest, expires_at },
        // The SDK may ask twice when an answer is lost; the second time it finds this very room.
        ConditionExpression: `attribute_not_exists(${KEY}) OR ${EXPIRED} OR ` +
          "(token_hash = :token_hash AND #owner = :owner AND created_at = :created_at)",
        ExpressionAttributeNames: { "#owner": "owner" },
        ExpressionAttributeValues: {
          ":now": nowSeconds,
          ":token_hash": room.token_hash,
          ":owner": room.owner,
          ":created_at": room.created_at,
        },
      }),
    )) !== undefined;
  }

  async findRoom(roomId: RoomId, nowSeconds: number): Promise<StoredRoom | undefined> {
    const { Item } = await answer(this.#documents.send(
      new GetCommand({ TableName: this.#table, Key: { [KEY]: roomId }, ConsistentRead: true }),
    ));
    const room = Item === undefined ? undefined : this.#read(Item);
    return room === undefined || (room.expires_at ?? Infinity) <= nowSeconds ? undefined : room;
  }

  async extendRoom(
    roomId: RoomId,
    expiresAt: number,
    nowSeconds: number,
  ): Promise<StoredRoom | undefined> {
    const updated = await applied(this.#documents.send(
      new UpdateCommand({
        TableName: this.#table,
        Key: { [KEY]: roomId },
        UpdateExpression: `SET ${EXPIRY} = :until`,
        ConditionExpression: `${EXPIRY} > :now AND ${EXPIRY} < :until`,
        ExpressionAttributeValues: { ":until": expiresAt, ":now": nowSeconds },
        ReturnValues: "ALL_NEW",
      }),
    ));
    // It is absent, expires later or never: then it stays as it is.
    if (updated?.Attributes === undefined) return await this.findRoom(roomId, nowSeconds);
    return this.#read(updated.Attributes);
  }

  async deleteRoom(roomId: RoomId): Promise<boolean> {
    const { Attributes } = await answer(this.#documents.send(
      new DeleteCommand({
        TableName: this.#table,
        Key: { [KEY]: roomId },
        ReturnValues: "ALL_OLD",
      }),
    ));
    return Attributes !== undefined;
  }

  async countRooms(nowSeconds: number): Promise<number> {
    let count = 0;
    for await (const page of this.#scan(LIVES, nowSeconds, "COUNT")) count += page.count;
    return count;
  }

  async sweepExpired(nowSeconds: number): Promise<number> {
    let count = 0;
    for await (const { keys } of this.#scan(EXPIRED, nowSeconds, "SPECIFIC_ATTRIBUTES")) {
      for (const key of keys) {
        // Somebody may have extended it since, here or through another server.
        const removed = await applied(this.#documents.send(
          new DeleteCommand({
            TableName: this.#table,
            Key: { [KEY]: key },
            ConditionExpression: EXPIRED,
            ExpressionAttributeValues: { ":now": nowSeconds },
          }),
        ));
        if (removed !== undefined) count++;
      }
    }
    return count;
  }

  async ping(): Promise<void> {
    await answer(this.#documents.send(
      new GetCommand({ TableName: this.#table, Key: { [KEY]: "ping" } }),
    ));
  }

  close(): Promise<void> {
    this.#documents.destroy();
    return Promise.resolve();
  }

  async *#scan(
    filter: string,
    nowSeconds: number,
    select: "COUNT" | "SPECIFIC_ATTRIBUTES",
  ): AsyncGenerator<{ readonly count: number; readonly keys: readonly unknown[] }> {
    let start: Record<string, unknown> | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const { Count, Items, LastEvaluatedKey } = await answer(this.#documents.send(
        new ScanCommand({
          TableName: this.#table,
          ConsistentRead: true,
          FilterExpression: filter,
          ExpressionAttributeValues: { ":now": nowSeconds },
          Select: select,
          ...(select === "COUNT" ? {} : { ProjectionExpression: KEY }),
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      ));
      yield { count: Count ?? 0, keys: (Items ?? []).map((item) => item[KEY]) };
      if (LastEvaluatedKey === undefined) return;
      start = LastEvaluatedKey;
    }
  }

  #read(item: Record<string, unknown>): StoredRoom {
    const room = storedRoomSchema.safeParse({ expires_at: null, ...item });
    if (room.success) return room.data;
    throw new Error(
      `Expected only rooms of sleap-rtc in table ${this.#table}, got something else under ${
        JSON.stringify(item[KEY])
      }; give the server a table of its own`,
      { cause: room.error },
    );
  }
}

/** What DynamoDB answers. */
async function answer<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw unavailable(cause);
  }
}

/** What DynamoDB answers to a conditional write; `undefined` where the condition does not hold. */
async function applied<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (cause) {
    if (isRefusedCondition(cause)) return undefined;
    throw unavailable(cause);
  }
}
