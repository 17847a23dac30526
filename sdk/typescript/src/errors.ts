/**
 * What can go wrong, by blame: the server answered with an error ({@link ReplyError}), or the connection could not carry
 * the question or its answer ({@link ConnectionError}). Programs decide by `code`; `message` is for people.
 */

/** The base of every error this package makes. */
export class KeywireError extends Error {
  override name = 'KeywireError';
  /** One word in capitals. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The server's answer is an error. `code` is Redis' own prefix (`WRONGTYPE`, `NOPERM`, `ERR`, …) or one of the gateway's:
 * `BADREQUEST`, `NOAUTH`, `NOPERM`, `TOOMANY`, `TOOBIG`, `UNAVAILABLE`, `NOTLIVE`, `RESET`.
 */
export class ReplyError extends KeywireError {
  override name = 'ReplyError';
}

/**
 * The connection's fault. `code` is `LOST` (it broke before the answer came), `TIMEOUT` (no answer in time), `CLOSED` (the
 * client was closed, or the server said not to come back), `TOOMANY` (the queue for a connection is full), `TOOSLOW` (a loop
 * over a stream lets too much wait) or `NOWEBSOCKET` (none could be made: there is no class for it, or the address is none).
 */
export class ConnectionError extends KeywireError {
  override name = 'ConnectionError';
  /** Whether the request had left: if so, it may or may not have been carried out. */
  readonly sent: boolean;
  /** The WebSocket close code, where there is one. */
  readonly closeCode: number | undefined;

  constructor(code: string, message: string, sent = false, closeCode?: number) {
    super(code, message);
    this.sent = sent;
    this.closeCode = closeCode;
  }
}
