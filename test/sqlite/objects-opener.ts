import { afterEach } from 'vitest';
import { type OpenedObjects, openObjects } from './open-objects.ts';

/** As `openObjects`; what it opens is closed after the test that asked for it. */
export function objectsOpener(): typeof openObjects {
  const opened: OpenedObjects[] = [];
  afterEach(() => {
    for (const { objects } of opened.splice(0)) objects.close();
  });
  return async (directory, options) => {
    const objects = await openObjects(directory, options);
    opened.push(objects);
    return objects;
  };
}
