/** Three examples on one log: `npx cdk deploy --app 'node examples/stacks/app.ts' --all`. Its tables go with the stack, and its bucket once it is empty: `aws s3 rm s3://BUCKET --recursive` before `npx cdk destroy`. */
import { App, CfnOutput, RemovalPolicy, Stack, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { Millrace } from 'millrace/constructs';
import { LedgerStack } from './ledger-stack.ts';
import { OrdersStack } from './orders-stack.ts';
import { StarsStack } from './stars-stack.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
Tags.of(app).add('project', 'millrace-examples');

const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
const env = account !== undefined && region !== undefined ? { env: { account, region } } : {};
const logStack = new Stack(app, 'MillraceExamples', env);
const millrace = new Millrace(logStack, 'Millrace', { removalPolicy: RemovalPolicy.DESTROY });
new CfnOutput(logStack, 'ConnectionString', { value: millrace.connectionString });
new OrdersStack(app, 'MillraceOrders', { millrace, ...env });
new StarsStack(app, 'MillraceStars', { millrace, ...env });
new LedgerStack(app, 'MillraceLedger', { millrace, ...env });
