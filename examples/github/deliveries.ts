/** The webhook deliveries that the npm package `@octokit/webhooks-examples` ships: real payloads, as GitHub sent them. */
import { createRequire } from 'node:module';

export interface Delivery {
  /** GitHub's event name: `push`, `pull_request`, … */
  readonly event: string;
  /** `owner/name`, or the sender's login for events without a repository. */
  readonly repository: string;
  /** The JSON payload. */
  readonly payload: Uint8Array;
}

interface Example {
  readonly repository?: { readonly full_name?: string };
  readonly organization?: { readonly login?: string };
  readonly sender?: { readonly login?: string };
}

interface EventExamples {
  readonly name: string;
  readonly examples: readonly Example[];
}

/** All deliveries, in the order of the package. */
export function readDeliveries(): readonly Delivery[] {
  const events = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly EventExamples[];
  return events.flatMap(({ name, examples }) => examples.map((example) => toDelivery(name, example)));
}

function toDelivery(event: string, example: Example): Delivery {
  const repository =
    example.repository?.full_name ?? example.organization?.login ?? example.sender?.login ?? 'without repository';
  return { event, repository, payload: Buffer.from(JSON.stringify(example)) };
}
