import { deleteGroup } from './delete-group.ts';
import { describeGroup, type GroupDescription } from './describe-group.ts';
import { listGroups } from './find-group.ts';
import type { GroupDeps } from './group-deps.ts';
import { type RemoveSilentOptions, removeSilentMembers } from './remove-silent-members.ts';
import { type SeekGroupRequest, type SoughtPartition, seekGroup } from './seek-group.ts';

/**
 * The administration of consumer groups. Each operation is a function of its own, in the file of its name, which says what it does, costs and throws.
 *
 * Bad input is refused before anything is written; whatever is interrupted can be done again.
 */
export class GroupAdmin {
  readonly #deps: GroupDeps;

  constructor(deps: GroupDeps) {
    this.#deps = deps;
  }

  /** Names of all groups in the order of their bytes; one request for 1,000. */
  listGroups(): Promise<readonly string[]> {
    return listGroups(this.#deps);
  }

  /** Describes a group: its members, what they read, and how far it is, see `describeGroup`. */
  describeGroup(name: string): Promise<GroupDescription> {
    return describeGroup(this.#deps, name);
  }

  /** Moves the committed offsets of a group without members, see `seekGroup`. */
  seekGroup(name: string, request: SeekGroupRequest): Promise<readonly SoughtPartition[]> {
    return seekGroup(this.#deps, name, request);
  }

  /** Deletes a group without members, see `deleteGroup`. */
  deleteGroup(name: string): Promise<void> {
    return deleteGroup(this.#deps, name);
  }

  /** Waits until all members of a group are known to be dead, and takes them out, see `removeSilentMembers`. */
  removeSilentMembers(name: string, options: RemoveSilentOptions = {}): Promise<void> {
    return removeSilentMembers(this.#deps, name, options);
  }
}
