import { CREDENTIAL_MEANINGS, deniedAction, type Meaning, type Meanings, throttled } from './aws-error-meanings.ts';

const noGroup: Meaning = {
  code: 'STORE_MISSING',
  hint: (group) => `Create the schedule group ${group}, or check its name and region.`,
};

/** What the codes of EventBridge Scheduler mean. */
export const SCHEDULE_MEANINGS: Meanings = {
  ...CREDENTIAL_MEANINGS,
  ServiceQuotaExceededException: throttled,
  ResourceNotFoundException: noGroup,
  AccessDeniedException: deniedAction,
};
