import { buildLambdas } from '../../tools/build-lambdas.ts';

/** Before all tests that deploy: the functions as they are now, once, so that no test builds them while another one deploys them. */
export async function setup(): Promise<void> {
  await buildLambdas();
}
