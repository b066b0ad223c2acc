/**
 * The DynamoDB table that rooms are in: found, made, and set to forget what has expired. The one
 * importer of the AWS SDK's DynamoDB client. Knows no room.
 */

import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import type { Log } from "../../lib/base/log.ts";
import { SECOND_MS } from "../../lib/base/time.ts";
import { SetupError } from "../setup_error.ts";
import { StoreUnavailable } from "./store.ts";

/** Where the table is. */
export interface DynamoOptions {
  readonly table: string;
  readonly region: string;
  /** Where the service answers, if not at AWS's own address of the region. */
  readonly endpoint?: string;
  /** Whether a table that is absent is made. It costs money: by default it is an error. */
  readonly createsTable: boolean;
}

/** The table's one key. */
export const KEY = "room_id";
/** The attribute that tells when a row has expired, in seconds since 1970; absent for never. */
export const EXPIRY = "expires_at";

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

/**
 * Opens the table, and makes it where it is absent and may be made. Credentials are those of the AWS
 * SDK's usual chain. The client is the caller's to destroy.
 *
 * @throws {StoreUnavailable} Where DynamoDB does not answer, or refuses.
 * @throws {SetupError} Where the table is absent and may not be made, or is one of another kind.
 */
export async function openTable(options: DynamoOptions, log: Log): Promise<DynamoDBClient> {
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
    await untilActive(client, options);
    await switchTimeToLiveOn(client, table, log);
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

/** Whether `error` says that the condition of a write does not hold. */
export function isRefusedCondition(error: unknown): boolean {
  return error instanceof ConditionalCheckFailedException;
}

/** What whoever asked the table is told where it does not answer. */
export function unavailable(cause: unknown): StoreUnavailable {
  const message = "Expected DynamoDB to answer, got an error; check the network, the region, " +
    "the credentials and the table";
  return new StoreUnavailable(message, { cause, retryAfterMs: RETRY_AFTER_MS });
}

async function untilActive(client: DynamoDBClient, options: DynamoOptions): Promise<void> {
  const { table, createsTable } = options;
  const deadline = performance.now() + TABLE_MS_MAX;
  for (let isMade = false; performance.now() < deadline;) {
    const found = await describe(client, table);
    if (found === undefined) {
      if (!createsTable) {
        throw new SetupError(
          `Expected a DynamoDB table ${table} in ${options.region}, got none; make one with the string key ${KEY}, or let the server do it`,
        );
      }
      if (!isMade) await createTable(client, table);
      isMade = true;
    } else {
      const keys = (found.KeySchema ?? []).map(({ AttributeName }) => AttributeName);
      if (keys.length !== 1 || keys[0] !== KEY) {
        throw new SetupError(
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

async function describe(
  client: DynamoDBClient,
  table: string,
): Promise<TableDescription | undefined> {
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
