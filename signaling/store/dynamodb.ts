/**
 * Rooms in a DynamoDB table, for several servers or none of its own disk. The one importer of the
 * AWS SDK's DynamoDB clients: load it with `import()`, only where it is wanted. Knows no HTTP.
 */

import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
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
import { SECOND_MS } from "../../lib/base/time.ts";
import { type Store, type StoredRoom, storedRoomSchema, StoreUnavailable } from "./store.ts";

/** Where the table is. */
export interface DynamoOptions {
  readonly table: string;
  readonly region: string;
  /** Where the service answers, if not at AWS's own address of the region. */
  readonly endpoint?: string;
  /** Whether a table that is absent is made. It costs money: by default it is an error. */
  readonly createsTable: boolean;
}

/** Opening a connection. Higher: far regions work; lower: a dead network is told sooner. */
const CONNECT_MS_MAX = 500;
/** One answer. Higher: slow answers count; lower: a request waits less for a store that is down. */
const ANSWER_MS_MAX = SECOND_MS;
/** Requests for one question, the first included. Higher: more blips are bridged, slower. */
const ATTEMPTS_MAX = 2;
/** When to come back after a failure. Lower: more load on what is down already. */
const RETRY_AFTER_MS = 2 * SECOND_MS;
/** A new table's way to being active, and the pace of asking. It usually takes some 10 s. */
const TABLE_MS_MAX = 60 * SECOND_MS;
const TABLE_POLL_MS = 200;
/** Pages of 1 MB that a count or a sweep reads, some 3,000 rooms each. Higher: dearer sweeps. */
const PAGES_MAX = 100;

const KEY = "room_id";
const EXPIRY = "expires_at";
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
    const { table, region, endpoint } = options;
    const client = new DynamoDBClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      maxAttempts: ATTEMPTS_MAX,
      requestHandler: {
        connectionTimeout: CONNECT_MS_MAX,
        requestTimeout: ANSWER_MS_MAX,
        throwOnRequestTimeout: true,
      },
    });
    try {
      await openTable(client, options);
      await switchTimeToLiveOn(client, table, log);
    } catch (error) {
      client.destroy();
      throw error;
    }
    return new DynamoStore(DynamoDBDocumentClient.from(client), table);
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
    if (cause instanceof ConditionalCheckFailedException) return undefined;
    throw unavailable(cause);
  }
}

function unavailable(cause: unknown): StoreUnavailable {
  const message = "Expected DynamoDB to answer, got an error; check the network, the region, " +
    "the credentials and the table";
  return new StoreUnavailable(message, { cause, retryAfterMs: RETRY_AFTER_MS });
}

async function openTable(client: DynamoDBClient, options: DynamoOptions): Promise<void> {
  const { table, createsTable } = options;
  const deadline = performance.now() + TABLE_MS_MAX;
  for (let isMade = false; performance.now() < deadline;) {
    const found = await describe(client, table);
    if (found === undefined) {
      if (!createsTable) {
        throw new Error(
          `Expected a DynamoDB table ${table} in ${options.region}, got none; make one with the string key ${KEY}, or let the server do it`,
        );
      }
      if (!isMade) await createTable(client, table);
      isMade = true;
    } else {
      const keys = (found.KeySchema ?? []).map(({ AttributeName }) => AttributeName);
      if (keys.length !== 1 || keys[0] !== KEY) {
        throw new Error(
          `Expected table ${table} to have the one key ${KEY}, got ${
            keys.join(" and ")
          }; give the server a table of its own`,
        );
      }
      if (found.TableStatus === "ACTIVE" || found.TableStatus === "UPDATING") return;
    }
    await new Promise((resolve) => setTimeout(resolve, TABLE_POLL_MS));
  }
  throw new StoreUnavailable(
    `Expected table ${table} to be active within ${TABLE_MS_MAX / SECOND_MS} s, got no such state`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

async function describe(client: DynamoDBClient, table: string) {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: table }))).Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw unavailable(error);
  }
}

async function createTable(client: DynamoDBClient, table: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        KeySchema: [{ AttributeName: KEY, KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: KEY, AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
  } catch (error) {
    // Another server on this store was quicker.
    if (!(error instanceof ResourceInUseException)) throw unavailable(error);
  }
}

/** Has DynamoDB remove what has expired, up to days later. Where it will not, the sweep still does. */
async function switchTimeToLiveOn(client: DynamoDBClient, table: string, log: Log): Promise<void> {
  try {
    const { TimeToLiveDescription } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: table }),
    );
    const status = TimeToLiveDescription?.TimeToLiveStatus ?? "DISABLED";
    if (status === "DISABLED") {
      await client.send(
        new UpdateTimeToLiveCommand({
          TableName: table,
          TimeToLiveSpecification: { AttributeName: EXPIRY, Enabled: true },
        }),
      );
    } else if (TimeToLiveDescription?.AttributeName !== EXPIRY) {
      log.write("warning", "The table's time to live is not that of the rooms", {
        table,
        wanted: EXPIRY,
        got: TimeToLiveDescription?.AttributeName,
      });
    }
  } catch (error) {
    log.write("warning", "The table's time to live could not be switched on", {
      table,
      error: String(error),
    });
  }
}
