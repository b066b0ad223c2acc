/**
 * What this installation remembers of the jobs that it has sent: one small file a job, so that any of
 * its commands can come back to it. The worker's word counts; this only says where to ask.
 */

import { join } from "node:path";
import { z } from "zod";
import { isJobId, type JobId } from "../base/id.ts";
import { jobIdSchema, peerIdSchema, roomIdSchema } from "../protocol/name.ts";
import { readJsonFile } from "../runtime/json_file.ts";
import { heardSchema, jobStandingSchema } from "./training_record.ts";

/** Jobs that are remembered. Higher: `jobs` is slower; lower: old jobs must be looked for in the room. */
const RECORDS_MAX = 200;

const jobRecordSchema = z.object({
  version: z.literal(1),
  job_id: jobIdSchema,
  room_id: roomIdSchema,
  worker: peerIdSchema,
  run_name: z.string().max(64),
  /** Where the results are to stand, as an absolute path. */
  output_folder: z.string().max(4_096),
  /** When it started, by this machine's clock. */
  started_at_ms: z.number(),
  standing: jobStandingSchema,
  heard: heardSchema,
});
/** What is remembered of one job. */
export type JobRecord = z.infer<typeof jobRecordSchema>;

/** The records of one installation. */
export class JobRecords {
  readonly #folder: string;

  /** @param folder Where they are kept; made with the first of them. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Writes `record` down in place of an older one of the same job.
   *
   * @throws {Error} Where it cannot be written.
   */
  save(record: JobRecord): void {
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#pathOf(record.job_id);
    // Aside and then into place: of two commands that follow one job, one wins, entirely.
    const aside = `${path}.${Deno.pid}`;
    Deno.writeTextFileSync(aside, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    Deno.renameSync(aside, path);
  }

  /**
   * What is remembered of `jobId`; `undefined` where nothing is.
   *
   * @throws {Error} Where the file is not such a record.
   */
  async find(jobId: JobId): Promise<JobRecord | undefined> {
    const path = this.#pathOf(jobId);
    return await readJsonFile(
      path,
      jobRecordSchema,
      `a job's record in ${path} (remove the file if it is spoilt)`,
    );
  }

  /** All records, the youngest first; those beyond the limit are removed. */
  async list(): Promise<readonly JobRecord[]> {
    const records: JobRecord[] = [];
    for (const jobId of await this.#jobIds()) {
      const record = await this.find(jobId);
      if (record !== undefined) records.push(record);
    }
    records.sort((one, other) => other.started_at_ms - one.started_at_ms);
    for (const { job_id } of records.splice(RECORDS_MAX)) await Deno.remove(this.#pathOf(job_id));
    return records;
  }

  async #jobIds(): Promise<readonly JobId[]> {
    try {
      const entries = await Array.fromAsync(Deno.readDir(this.#folder));
      return entries.map(({ name }) => name.replace(/\.json$/, "")).filter(isJobId);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  #pathOf(jobId: JobId): string {
    return join(this.#folder, `${jobId}.json`);
  }
}
