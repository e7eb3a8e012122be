/**
 * How the bytes of a client come in. Node makes a buffer for each read from a socket, and the garbage collector has to find each again; sockets of `net` can be told to read into buffers of ours instead (`onread`), but not those that a
 * server has accepted. So a second socket takes over the handle of the accepted one. Node does not document handles: where they are not as they are known, or what is read comes by way of TLS, bytes come in as `data`.
 */
import { Socket } from 'node:net';

/** Takes what comes in. */
export interface Receiver {
  /** Where bytes to come may be put, for which there is a place already. Null: they are to be given. */
  readonly room: Uint8Array | null;
  /** So many bytes were put at the beginning of what `room` was. */
  filled(count: number): void;
  /** Bytes that are the receiver's during the call alone. */
  give(bytes: Uint8Array): void;
}

/** A socket, and what brings its bytes to a receiver. */
export interface Intake {
  readonly socket: Socket;
  /** To be called once, in the turn in which the intake was made. */
  begin(receiver: Receiver): void;
}

/** What the handle of a TCP socket is known to have. Source: Node's `lib/internal/stream_base_commons.js` and `lib/net.js`, versions 20 to 24. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void;
  readStop(): number;
}

/** So much is read at once where there is no place for it yet, and most of it is copied: a part of a processor's cache. */
const READ_BYTES = 256 * 1024;

/** All connections read into it, one after another. */
let shared: Uint8Array | null = null;

/** The intake of a socket from which nothing was read yet. */
export function directIntake(accepted: Socket): Intake {
  const handle = takeHandle(accepted);
  return handle === null ? plainIntake(accepted) : takeOver(handle);
}

/** The intake of any socket. */
export function plainIntake(socket: Socket): Intake {
  return { socket, begin: (receiver) => void socket.on('data', (chunk) => receiver.give(chunk as Buffer)) };
}

function takeHandle(accepted: Socket): Handle | null {
  const owner = accepted as unknown as { _handle?: Partial<Handle> | null };
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== 'function' || typeof handle.readStop !== 'function') return null;
  owner._handle = null;
  accepted.destroy();
  return handle as Handle;
}

function takeOver(handle: Handle): Intake {
  shared ??= new Uint8Array(READ_BYTES);
  const buffer = shared;
  let receiver: Receiver | null = null;
  /** Whether the place that the next bytes are read to is the receiver's. */
  let isRoom = false;
  const onread = {
    buffer: () => {
      const room = receiver?.room ?? null;
      isRoom = room !== null;
      return room ?? buffer;
    },
    callback: (count: number) => {
      if (isRoom) receiver!.filled(count);
      else receiver!.give(buffer.subarray(0, count));
      return true;
    },
  };
  const socket = new Socket({ handle, onread, allowHalfOpen: true } as object);
  const begin = (one: Receiver) => {
    receiver = one;
  };
  return { socket, begin };
}
