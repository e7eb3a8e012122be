/** The port to jobs of maintenance. */
import type { Change } from '../log/head-transitions.ts';
import type { TakeJobArgs, UpdateJobArgs } from './job-transitions.ts';
import type { StoredJob } from './stored-job.ts';

/** Each change is atomic and carries out the transition of the same name in `job-transitions.ts`. Reads are consistent. Errors are as for `Heads`. */
export interface Jobs {
  /** The job, or null when it has never run. 1 unit for 4 KB. */
  read(name: string): Promise<StoredJob | null>;
  take(name: string, args: TakeJobArgs): Promise<Change<StoredJob>>;
  update(name: string, args: UpdateJobArgs): Promise<Change<StoredJob>>;
}

/** The port to ids of topics that were removed, see `topic.ts`. Reads are consistent. Errors are as for `Heads`. */
export interface SpentTopics {
  /** Whether this store has ever removed a topic of this id. 1 unit. */
  has(topicId: string): Promise<boolean>;
}

/** The ports of maintenance together. */
export interface MaintenancePorts {
  readonly jobs: Jobs;
  readonly spentTopics: SpentTopics;
}
