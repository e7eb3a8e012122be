/** The same where the emulator enforces policies: what a grant forgets fails here before it does on AWS. */
import { endToEnd } from './end-to-end.suite.ts';

endToEnd({ strict: true });
