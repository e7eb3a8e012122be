/** Rules of administration taken away, each of which somebody must miss. */
import type { Mutant } from '../../simulate/mutant.ts';

export const administrationMutants: readonly Mutant[] = [
  {
    name: 'a letter is marked before it is sent back',
    file: 'lib/event-source/dead-letters.ts',
    from: '        const outcome = await handle(letter);\n',
    to: '        await marks?.mark(letter.record);\n        const outcome = await handle(letter);\n',
  },
  {
    name: 'a letter is marked before it goes back by itself',
    file: 'lib/event-source/scheduled-redrive.ts',
    from: '      await records.send(redriveTopic(this.#place.name), redrivenRecord(letter));\n',
    to: '      await marks.mark(letter.record);\n      await records.send(redriveTopic(this.#place.name), redrivenRecord(letter));\n',
  },
  {
    name: 'nobody is told to come back when it is time',
    file: 'lib/event-source/scheduled-redrive.ts',
    from: '      await this.#at.book(notBeforeMs);\n      this.#at.tell',
    to: '      this.#at.tell',
  },
  {
    name: 'letters that have come while it was released are nobody’s business',
    file: 'lib/event-source/wake-decision.ts',
    from: "return seenEnd !== null && next <= seenEnd ? { kind: 'nothing-new' } : { kind: 'wake' };",
    to: "return seenEnd !== null ? { kind: 'nothing-new' } : { kind: 'wake' };",
  },
  {
    name: 'a deletion that was interrupted cannot be repeated',
    file: 'lib/event-source/subscription-admin.ts',
    from: 'const isLeft = hasGroup || own.length > 0 || (await this.#hasRetriesLeft(name));',
    to: 'const isLeft = (await findSubscription(this.#deps, name)) !== null;',
  },
  {
    name: 'marks of dead letters outlive their subscription',
    file: 'lib/event-source/subscription-admin.ts',
    from: '    await this.#forgetDeadLetters(name);\n',
    to: '',
  },
];
