/** The stacks of the examples, under both packs of rules of cdk-nag; functions are not bundled here. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { ProduceApi } from 'millrace/constructs';
import { afterAll, describe, expect, it } from 'vitest';
import { LedgerStack } from '../../examples/stacks/ledger-stack.ts';
import { OrdersStack } from '../../examples/stacks/orders-stack.ts';
import { StarsStack } from '../../examples/stacks/stars-stack.ts';
import { ENV, newLog, newStack } from './stack-with-log.ts';

const outdir = mkdtempSync(join(tmpdir(), 'millrace-stacks-'));
afterAll(() => rmSync(outdir, { recursive: true }));

function examples(name: string) {
  const app = new App({
    outdir: join(outdir, name),
    analyticsReporting: false,
    context: { 'aws:cdk:bundling-stacks': [] },
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  const logStack = newStack('Log', app);
  const millrace = newLog(logStack);
  return { app, logStack, millrace };
}

/** What cdk-nag found, as `rule at path`. */
function findings(name: string): string[] {
  const { pluginReports } = JSON.parse(readFileSync(join(outdir, name, 'validation-report.json'), 'utf8')) as {
    pluginReports: { violations: { ruleName: string; violatingConstructs: { constructPath: string }[] }[] }[];
  };
  return pluginReports.flatMap(({ violations }) =>
    violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
    ),
  );
}

describe('the examples', () => {
  it('break no rule of cdk-nag that has no reason beside it', () => {
    const { app, logStack, millrace } = examples('clean');
    new OrdersStack(app, 'Orders', { millrace, env: ENV });
    new StarsStack(app, 'Stars', { millrace, env: ENV });
    new LedgerStack(app, 'Ledger', { millrace, env: ENV });
    new ProduceApi(logStack, 'HttpApi', { millrace, endpoint: 'http-api' });
    expect(() => app.synth()).not.toThrow();
    expect(findings('clean')).toEqual([]);
  });

  it('would be told if they did', () => {
    const { app, logStack } = examples('broken');
    new s3.Bucket(logStack, 'Open');
    expect(() => app.synth()).toThrow(/does not require requests to use SSL/);
    expect(findings('broken')).toContainEqual('AwsSolutions-S10 at Log/Open/Resource');
  });

  it('have a function each that is subscribed as they say', () => {
    const { app, millrace } = examples('subscribed');
    const stacks = [
      new OrdersStack(app, 'Orders', { millrace, env: ENV }),
      new StarsStack(app, 'Stars', { millrace, env: ENV }),
      new LedgerStack(app, 'Ledger', { millrace, env: ENV }),
    ];
    const names = stacks.flatMap((stack) =>
      Object.values(Template.fromStack(stack).findResources('Custom::MillraceSubscription')).map(
        ({ Properties }) => Properties.Name,
      ),
    );
    expect(names).toEqual(['billing', 'thanks', 'ledger']);
  });
});
