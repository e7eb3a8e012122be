/** An emulator of AWS that runs functions, stream mappings and schedules: MiniStack, or what AWS_ENDPOINT_URL names. */
import { startMiniStack } from '../../tools/ministack/server.ts';
import { ACCOUNT, freePort, givenServer, type Server } from '../aws/server-process.ts';

/** Starts it, on a port and in a folder of its own. Its functions end with it. strict: policies are enforced. */
export async function startDeployEmulator({ strict = false } = {}): Promise<Server> {
  const isLogged = Boolean(process.env.MILLRACE_TEST_EMULATOR_LOG);
  return givenServer('all') ?? startMiniStack({ port: await freePort(), ...ACCOUNT, isStrict: strict, isLogged });
}
