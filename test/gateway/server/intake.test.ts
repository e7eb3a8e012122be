import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { directIntake, type Intake, plainIntake, type Receiver } from '../../../lib/gateway/server/intake.ts';

const opened: (Server | Socket)[] = [];

afterEach(() => {
  for (const one of opened.splice(0)) {
    if (one instanceof Socket) one.destroy();
    else one.close();
  }
});

/** A client and the intake of what accepted it. */
async function connected(intakeOf: (socket: Socket) => Intake, receiver: Receiver) {
  const accepted = Promise.withResolvers<Intake>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const intake = intakeOf(socket);
    intake.begin(receiver);
    opened.push(intake.socket);
    accepted.resolve(intake);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  opened.push(server, client);
  return { client, server, socket: (await accepted.promise).socket };
}

/** Keeps copies of what it is given, or has put in `room` while there is any. */
class Keeper implements Receiver {
  readonly given: Buffer[] = [];
  room: Uint8Array | null = null;

  give(bytes: Uint8Array): void {
    this.given.push(Buffer.from(bytes));
  }

  filled(count: number): void {
    this.room = this.room!.subarray(count);
    if (this.room.length === 0) this.room = null;
  }

  get text(): string {
    return Buffer.concat(this.given).toString();
  }
}

describe.each([
  ['direct', directIntake],
  ['plain', plainIntake],
])('a %s intake', (_, intakeOf) => {
  it('brings what comes in, both ways, and its end', async () => {
    const keeper = new Keeper();
    const { client, socket } = await connected(intakeOf, keeper);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    client.write('one');
    await expect.poll(() => keeper.text).toBe('one');
    socket.write('two');
    expect(String((await once(client, 'data'))[0])).toBe('two');
    const ended = once(socket, 'end');
    client.end('three');
    await ended;
    expect(keeper.text).toBe('onethree');
    // Half closed: what is under way may still be answered.
    socket.end('four');
    expect(String((await once(client, 'data'))[0])).toBe('four');
  });

  it('brings nothing while it is paused, and goes on', async () => {
    const keeper = new Keeper();
    const { client, socket } = await connected(intakeOf, keeper);
    client.write('one');
    await expect.poll(() => keeper.text).toBe('one');
    socket.pause();
    expect(socket.isPaused()).toBe(true);
    await new Promise((resolve) => client.write('two', resolve));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(keeper.text).toBe('one');
    socket.resume();
    await expect.poll(() => keeper.text).toBe('onetwo');
  });

  it('tells when the client is gone', async () => {
    const { client, socket } = await connected(intakeOf, new Keeper());
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    client.resetAndDestroy();
    await closed;
  });
});

describe('a direct intake', () => {
  it('reads into the room that there is, and gives what is beyond', async () => {
    const keeper = new Keeper();
    const { client } = await connected(directIntake, keeper);
    const place = Buffer.alloc(200_000);
    client.write('begin');
    await expect.poll(() => keeper.text).toBe('begin');
    // The next read was arranged when that came in: it is not of the room yet.
    keeper.room = place;
    client.write('|');
    await expect.poll(() => keeper.text).toBe('begin|');
    client.write(Buffer.concat([Buffer.alloc(place.length, 7), Buffer.from('end')]));
    await expect.poll(() => keeper.text).toBe('begin|end');
    expect(place.every((byte) => byte === 7)).toBe(true);
  });

  it('gives many clients what each has sent, though they share where it is read', async () => {
    const keepers = Array.from({ length: 5 }, () => new Keeper());
    const all = await Promise.all(keepers.map((keeper) => connected(directIntake, keeper)));
    for (let round = 0; round < 50; round++) {
      for (const [place, { client }] of all.entries()) client.write(`${place} ${round};`);
    }
    const sentBy = (place: number) => Array.from({ length: 50 }, (_, round) => `${place} ${round};`).join('');
    await expect.poll(() => keepers.map(({ text }) => text)).toEqual(keepers.map((_, place) => sentBy(place)));
  });

  it('does not hold up the end of its server', async () => {
    const { server, socket } = await connected(directIntake, new Keeper());
    expect(socket.destroyed).toBe(false);
    const closed = once(server, 'close');
    server.close();
    await closed;
  });

  it('is a plain one where handles are not as they are known', async () => {
    const keeper = new Keeper();
    let accepted: Socket | null = null;
    const withoutHandle = (socket: Socket) => {
      accepted = socket;
      const { _handle: handle } = socket as unknown as { _handle: object };
      const hidden = Object.create(handle, { useUserBuffer: { value: undefined } });
      Object.assign(socket, { _handle: hidden });
      const intake = directIntake(socket);
      Object.assign(socket, { _handle: handle });
      return intake;
    };
    const { client, socket } = await connected(withoutHandle, keeper);
    expect(socket).toBe(accepted);
    client.write('one');
    await expect.poll(() => keeper.text).toBe('one');
  });
});
