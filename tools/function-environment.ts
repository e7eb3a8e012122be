/** What a deployed function has to be told before it loads; nothing of what is named is there. */
export const FUNCTION_ENVIRONMENT = {
  MILLRACE_STORE: 'aws:?bucket=log&table=log&delays=true',
  MILLRACE_PUMP_FUNCTION: 'arn:aws:lambda:us-east-1:000000000000:function:pump',
  MILLRACE_RELEASER_FUNCTION: 'arn:aws:lambda:us-east-1:000000000000:function:releaser',
  MILLRACE_SCHEDULE_GROUP: 'millrace',
  MILLRACE_SCHEDULE_ROLE: 'arn:aws:iam::000000000000:role/scheduler',
  AWS_REGION: 'us-east-1',
};
