/** A socket to a server that does as it likes: raw bytes, no reading, any address it claims to have. */

/** A masked text frame (RFC 6455 section 5.2) of `length` bytes: its head alone. The mask is zero. */
export function frameHead(length: number): Uint8Array<ArrayBuffer> {
  const head = new DataView(new ArrayBuffer(14));
  head.setUint8(0, 0x81);
  head.setUint8(1, 0x80 | 127);
  head.setBigUint64(2, BigInt(length));
  return new Uint8Array(head.buffer);
}

/** Opens a WebSocket by hand and gives the connection with the server's challenge in `nonce`. */
export async function openStranger(
  url: string,
  address: string,
): Promise<{ readonly connection: Deno.TcpConn; readonly nonce: string }> {
  const { hostname, port, host } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = ["GET /ws HTTP/1.1", `Host: ${host}`, "Upgrade: websocket", "Connection: Upgrade"];
  lines.push(`X-Forwarded-For: ${address}`, "Sec-WebSocket-Version: 13");
  lines.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "");
  try {
    await writeAll(connection, new TextEncoder().encode(lines.join("\r\n")));
    return { connection, nonce: await challengeOf(connection) };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function challengeOf(connection: Deno.TcpConn): Promise<string> {
  const bytes = new Uint8Array(4_096);
  let heard = "";
  for (;;) {
    const count = await connection.read(bytes);
    if (count === null) throw new Error(`Expected a challenge, got the end after ${heard}`);
    heard += new TextDecoder("latin1").decode(bytes.subarray(0, count));
    const nonce = /"nonce":"([^"]+)"/.exec(heard)?.[1];
    if (nonce !== undefined) return nonce;
  }
}

/** Sends a text frame whole. */
export async function sayFrame(connection: Deno.TcpConn, text: string): Promise<void> {
  const body = new TextEncoder().encode(text);
  await writeAll(connection, frameHead(body.length));
  await writeAll(connection, body);
}

/** Writes all of `bytes`. */
export async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await connection.write(rest));
  }
}
