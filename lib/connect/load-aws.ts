import { MillraceError } from '../errors.ts';

/** The SDK is loaded by those who name AWS only: nobody else needs it installed. Throws STORE_UNAVAILABLE naming the packages when they are not there. */
export async function loadAws<T>(
  load: () => Promise<T>,
  packages = '@aws-sdk/client-s3 @aws-sdk/client-dynamodb',
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MillraceError('STORE_UNAVAILABLE', 'the AWS SDK is not installed', {
      hint: `Install it: npm install ${packages}`,
      retriable: false,
      cause,
    });
  }
}
