/** Answers that come in time or not at all. Knows nothing of who is asked, or what for. */

/**
 * What `question` answers.
 *
 * @throws {Error} What `late` makes, where nothing comes within `answerMs`; else what the question rejects
 * with. The question itself goes on: nobody hears of it any more.
 */
export async function inTime<T>(
  question: () => Promise<T>,
  answerMs: number,
  late: () => Error,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lateness = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), answerMs);
  });
  try {
    return await Promise.race([question(), lateness]);
  } finally {
    clearTimeout(timer);
  }
}
